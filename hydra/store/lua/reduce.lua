-- reduce: lease a job's reduction to a session, for one of a few attempts; a repeat gets it again.
-- FLAGS   allow-oom
-- KEYS    reducing job story session sums
-- ARGV    now_ms# job session worker keep_ms
-- RETURNS {1, name, total, ...}; {0} if there is nothing to reduce now

local now_ms, wall_ms = hydra_now(k)
local after = redis.call('ZSCORE', k.reducing, a.job)
if not after then return {0} end
if redis.call('HEXISTS', k.session, 'ended') == 1 then return {0} end
local r = hash_read(k.job, 'attempts', 'reducer')
if tonumber(after) <= now_ms then
  local attempts = tonumber(r.attempts)
  if attempts >= REDUCE_ATTEMPTS_MAX then
    close(k, a.job, 'failed', wall_ms, a.keep_ms, 'attempts', int(attempts))
    return {0}
  end
  redis.call('HSET', k.job, 'attempts', int(attempts + 1), 'reducer', a.session)
  redis.call('ZADD', k.reducing, ms(now_ms + REDUCE_LEASE_MS), a.job)
  add_to_story(k.story, 'reduce', 'worker', a.worker, 'attempt', int(attempts + 1),
    'attempts_max', int(REDUCE_ATTEMPTS_MAX))
elseif r.reducer ~= a.session then
  return {0}
end
if redis.call('HEXISTS', k.session, 'seq') == 1 then
  redis.call('HSET', k.session, 'reduces', a.job)
end
local out = {1}
for _, word in ipairs(redis.call('HGETALL', k.sums)) do out[#out + 1] = word end
return out
