-- submit: open a job, once per idempotency key.
-- KEYS    idempotency job jobs ended runnable free story
-- ARGV    now# job generation spec_digest jobs_open_max# total# spec...
-- RETURNS the job's id; `reused` if the key came with another spec; `many` if too many are open;
--         `stranger` if this is not the data that the caller knows

if is_stranger(k, a.generation) then return 'stranger' end
if a.spec_digest ~= '' then
  local known = redis.call('GET', k.idempotency)
  if known then
    local opened = opened_unpack(known)
    return opened.spec_digest == a.spec_digest and opened.job or 'reused'
  end
end
if redis.call('EXISTS', k.job) == 1 then return a.job end
if redis.call('ZCARD', k.jobs) - redis.call('ZCARD', k.ended) >= a.jobs_open_max then
  return 'many'
end

local now, wall = hydra_now(k)
local total = int(a.total)
local first = redis.call('ZRANGE', k.runnable, 0, 0, 'WITHSCORES')
local vtime = least_served(k, a.job, now) or tonumber(first[2] or 0)
for i = a.spec_at, #ARGV, 2 do redis.call('HSET', k.job, ARGV[i], ARGV[i + 1]) end
redis.call('HSET', k.job, 'state', 'running', 'done', '0', 'done_work', '0', 'unassigned', total,
  'created', int(wall), 'attempts', '0')
redis.call('ZADD', k.free, 0, range_pack({stop = a.total, losses = 0, many = false, loser = ''}))
redis.call('ZADD', k.runnable, frac(vtime), a.job)
redis.call('ZADD', k.jobs, int(wall), a.job)
tell(k.story, 'submit', 'units', total)
ring(k)
count(k, 'submitted', 1)
if a.spec_digest ~= '' then
  local opened = opened_pack({job = a.job, spec_digest = a.spec_digest})
  redis.call('SET', k.idempotency, opened, 'PX', KEY_TTL_MS)
end
return a.job
