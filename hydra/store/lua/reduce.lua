-- reduce: lease a job's reduction to a session, for one of a few attempts; a repeat gets it again.
-- FLAGS   allow-oom
-- KEYS    clock job free leases ends runnable reducing ended sums pieces story
--         history arrivals timeline bell tally session
-- ARGV    now job session worker keep_ms
-- RETURNS {1, name, total, ...}; {0} if there is nothing to reduce now
local k = {clock = KEYS[1], job = KEYS[2], free = KEYS[3], leases = KEYS[4], ends = KEYS[5],
           runnable = KEYS[6], reducing = KEYS[7], ended = KEYS[8], sums = KEYS[9],
           pieces = KEYS[10], story = KEYS[11],
           history = KEYS[12], arrivals = KEYS[13], timeline = KEYS[14], bell = KEYS[15],
           tally = KEYS[16], session = KEYS[17]}
local job, session, worker = ARGV[2], ARGV[3], ARGV[4]

local now, wall = hydra_now(k.clock, ARGV[1])
local after = redis.call('ZSCORE', k.reducing, job)
if not after then return {0} end
local r = redis.call('HMGET', k.job, 'attempts', 'reducer')
if tonumber(after) <= now then
  local attempts = tonumber(r[1])
  if attempts >= REDUCE_ATTEMPTS_MAX then
    close(k, job, 'failed', 'the reduction was started ' .. int(attempts)
      .. ' times and never finished', wall, ARGV[5])
    return {0}
  end
  redis.call('HSET', k.job, 'attempts', int(attempts + 1), 'reducer', session)
  redis.call('ZADD', k.reducing, ms(now + REDUCE_LEASE_MS), job)
  tell(k.story, 'reduce', worker .. ' makes the answer, attempt ' .. int(attempts + 1) .. ' of '
    .. REDUCE_ATTEMPTS_MAX)
elseif r[2] ~= session then
  return {0}
end
if redis.call('EXISTS', k.session) == 1 then
  redis.call('HSET', k.session, 'reduces', job)
end
local out = {1}
for _, word in ipairs(redis.call('HGETALL', k.sums)) do out[#out + 1] = word end
return out
