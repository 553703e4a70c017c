-- enlist: open a session for a worker process; opening it again changes nothing.
-- KEYS    clock session worker workers paused fleet
-- ARGV    now worker host pid session
-- RETURNS how many workers were live
local k = {clock = KEYS[1], session = KEYS[2], worker = KEYS[3], workers = KEYS[4],
           paused = KEYS[5], fleet = KEYS[6]}

local _, wall = hydra_now(k.clock, ARGV[1])
if redis.call('EXISTS', k.session) == 0 then
  redis.call('HSET', k.session, 'worker', ARGV[2], 'seq', '0', 'digest', '', 'reply', 'ok',
    'job', '', 'token', '')
end
redis.call('PEXPIRE', k.session, SESSION_TTL_MS)
redis.call('HSET', k.worker, 'host', ARGV[3], 'pid', ARGV[4], 'session', ARGV[5])
redis.call('PEXPIRE', k.worker, WORKER_KEEP_MS)
redis.call('ZREM', k.paused, ARGV[2])
seen(k, ARGV[2], wall)
return redis.call('HGET', k.fleet, 'live') or '0'
