-- submit: open a job, once per idempotency key.
-- KEYS    idempotency job jobs ended runnable spent free story
-- ARGV    now_ms# job generation spec_digest jobs_open_max# total# spec...
-- RETURNS the job's id; `reused` if the key came with another spec; `many` if too many are open;
--         `other-data` if this is not the data that the caller knows

if is_other_data(k, a.generation) then return 'other-data' end
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

local now_ms, wall_ms = hydra_now(k)
local total = int(a.total)
local first = redis.call('ZRANGE', k.runnable, 0, 0, 'WITHSCORES')
local vtime = least_served(k, a.job, now_ms) or tonumber(first[2] or 0)
for i = a.spec_at, #ARGV, 2 do redis.call('HSET', k.job, ARGV[i], ARGV[i + 1]) end
redis.call('HSET', k.job, 'state', 'running', 'done', '0', 'done_work', '0', 'unassigned', total,
  'created', int(wall_ms), 'attempts', '0')
redis.call('ZADD', k.free, 0, range_pack({stop = a.total, losses = 0, many = false, loser = ''}))
redis.call('ZADD', k.runnable, frac(vtime), a.job)
redis.call('ZADD', k.spent, frac(vtime), a.job)
redis.call('ZADD', k.jobs, int(wall_ms), a.job)
add_to_story(k.story, 'submit', 'units', total)
ring(k)
count(k, 'submitted', 1)
if a.spec_digest ~= '' then
  local opened = opened_pack({job = a.job, spec_digest = a.spec_digest})
  redis.call('SET', k.idempotency, opened, 'PX', KEY_TTL_MS)
end
return a.job
