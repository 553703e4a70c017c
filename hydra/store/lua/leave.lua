-- leave: end a session; what it works on (lease, reduction) is lost, a lease that it has not begun
-- goes back unharmed, and its worker is no longer live.
-- FLAGS   allow-oom
-- KEYS    session job@reduced reducing story@reduced files@reduced worker workers runnable
--         deadlines bell tally
--         job@next free@next leases@next ends@next story@next timeline@next
-- ARGV    now_ms# session worker job token next next_token reduced why keep_ms
--         (worker, job, token and so on as the session had them when the caller looked)
-- RETURNS 1 if a lease was lost, 0 if none was, -1 if the session has changed since: look again

-- A late call of a session that has left must not open it, again or for the first time.
local function close_session()
  redis.call('DEL', k.session)
  redis.call('HSET', k.session, 'ended', '1')
  redis.call('PEXPIRE', k.session, SESSION_TTL_MS)
end

local s = hash_read(k.session, 'worker', 'job', 'token', 'next_job', 'next_token', 'reduces')
if not s.worker then
  close_session()
  return 0
end
if s.worker ~= a.worker or s.job ~= a.job or s.token ~= a.token or s.next_job ~= a.next
    or s.next_token ~= a.next_token or (s.reduces or '') ~= a.reduced then
  return -1
end
local _, wall_ms = hydra_now(k)
local lease = lease_read(k, a.token)
local lost = lease and lease.session == a.session
if lost then lose(k, a.job, a.token, lease, 'lost', a.why, wall_ms, a.keep_ms) end
local of_next = {job = k.next_job, free = k.next_free, leases = k.next_leases, ends = k.next_ends,
                 story = k.next_story, timeline = k.next_timeline, runnable = k.runnable,
                 deadlines = k.deadlines, bell = k.bell, tally = k.tally}
local younger = lease_read(of_next, a.next_token)
if younger and younger.session == a.session then
  give_back(of_next, a.next, a.next_token, younger, 'return', wall_ms, 'unbegun', a.why)
end
local of_reduced = {job = k.reduced_job, reducing = k.reducing, files = k.reduced_files,
  story = k.reduced_story, bell = k.bell}
local held = reduction_read(of_reduced)
if held and held.session == a.session then
  redis.call('HINCRBY', k.reduced_job, 'attempts', 1)
  reduction_end(of_reduced, a.reduced, held, a.why)
end
close_session()
if redis.call('HGET', k.worker, 'session') == a.session then -- else a newer one has begun
  redis.call('HDEL', k.worker, 'job', 'session')
  redis.call('ZADD', k.workers, 'XX', ms(wall_ms - 1), a.worker)
end
return lost and 1 or 0
