-- reduce: lease a job's reduction to a session, for one of a few attempts; a repeat gets it again.
-- FLAGS   allow-oom
-- KEYS    reducing job story session sums
-- ARGV    now_ms# job session worker token silent keep_ms
--         (token: of the attempt, if one begins; silent: why one is lost whose lease ran out)
-- RETURNS {1, token, name, total, ...}; {0} if there is nothing to reduce now

local now_ms, wall_ms = hydra_now(k)
local until_ms = redis.call('ZSCORE', k.reducing, a.job)
if not until_ms then return {0} end
if redis.call('HEXISTS', k.session, 'ended') == 1 then return {0} end
local held, attempts = reduction_read(k), tonumber(redis.call('HGET', k.job, 'attempts'))
if held and tonumber(until_ms) <= now_ms then
  attempts = redis.call('HINCRBY', k.job, 'attempts', 1)
  reduction_end(k, a.job, held, a.silent)
  held = nil
end
if attempts >= REDUCE_ATTEMPTS_MAX then
  close(k, a.job, 'failed', wall_ms, a.keep_ms, 'attempts', int(attempts))
  return {0}
end
if not held then
  held = {token = a.token, session = a.session, worker = a.worker}
  redis.call('HSET', k.job, 'reduction', reduction_pack(held))
  add_to_story(k.story, 'reduce', 'worker', a.worker, 'attempt', int(attempts + 1),
    'attempts_max', int(REDUCE_ATTEMPTS_MAX))
elseif held.session ~= a.session then
  return {0}
end
redis.call('ZADD', k.reducing, ms(now_ms + REDUCE_LEASE_MS), a.job)
if redis.call('HEXISTS', k.session, 'worker') == 1 then
  redis.call('HSET', k.session, 'reduces', a.job)
end
local out = {1, held.token}
for _, word in ipairs(redis.call('HGETALL', k.sums)) do out[#out + 1] = word end
return out
