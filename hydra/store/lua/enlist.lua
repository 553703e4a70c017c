-- enlist: open a session for a worker process; opening it again changes nothing.
-- FLAGS   allow-oom
-- KEYS    session worker paused fleet
-- ARGV    now_ms# session worker host pid#
-- RETURNS how many workers were live; `unknown` if the session has ended

local ended = redis.call('HGET', k.session, 'ended')
if ended then return 'unknown' end
local _, wall_ms = hydra_now(k)
if redis.call('EXISTS', k.session) == 0 then
  redis.call('HSET', k.session, 'worker', a.worker, 'claim_seq', '0', 'claim_digest', '',
    'claim_reply', '', 'hand_in_seq', '0', 'hand_in_digest', '', 'hand_in_reply', '',
    'job', '', 'token', '', 'next_job', '', 'next_token', '', 'freed_ms', '0',
    'freed_wall_ms', '0', 'alone', '')
end
redis.call('PEXPIRE', k.session, SESSION_TTL_MS)
redis.call('HSET', k.worker, 'host', a.host, 'pid', int(a.pid), 'session', a.session)
redis.call('PEXPIRE', k.worker, WORKER_KEEP_MS)
redis.call('ZREM', k.paused, a.worker)
seen(k, a.worker, wall_ms)
return redis.call('HGET', k.fleet, 'live') or '0'
