-- submit: open a job, once per idempotency key.
-- KEYS    clock job free runnable jobs ended story key bell generation tally
-- ARGV    now job generation key_digest jobs_open_max total field value ...
-- RETURNS the job's id; `reused` if the key came with another spec; `many` if too many are open;
--         `stranger` if this is not the data that the caller knows
local k = {clock = KEYS[1], job = KEYS[2], free = KEYS[3], runnable = KEYS[4], jobs = KEYS[5],
           ended = KEYS[6], story = KEYS[7], key = KEYS[8], bell = KEYS[9],
           generation = KEYS[10], tally = KEYS[11]}
local job, key_digest, total = ARGV[2], ARGV[4], ARGV[6]

if is_stranger(k.generation, ARGV[3]) then return 'stranger' end
if key_digest ~= '' then
  local known = redis.call('GET', k.key)
  if known then
    local first, digest = string.match(known, '^(%S+) (%S+)$')
    return digest == key_digest and first or 'reused'
  end
end
if redis.call('EXISTS', k.job) == 1 then return job end
if redis.call('ZCARD', k.jobs) - redis.call('ZCARD', k.ended) >= tonumber(ARGV[5]) then
  return 'many'
end

local _, wall = hydra_now(k.clock, ARGV[1])
local least = redis.call('ZRANGE', k.runnable, 0, 0, 'WITHSCORES')
for i = 7, #ARGV, 2 do redis.call('HSET', k.job, ARGV[i], ARGV[i + 1]) end
redis.call('HSET', k.job, 'state', 'running', 'total', total, 'done', '0', 'done_work', '0',
  'unassigned', total, 'created', int(wall), 'attempts', '0')
redis.call('ZADD', k.free, 0, total .. ' 0 0 -')
redis.call('ZADD', k.runnable, least[2] or 0, job)
redis.call('ZADD', k.jobs, int(wall), job)
tell(k.story, 'submit', total .. ' units')
ring(k.bell)
count(k.tally, 'submitted', 1)
if key_digest ~= '' then redis.call('SET', k.key, job .. ' ' .. key_digest, 'PX', KEY_TTL_MS) end
return job
