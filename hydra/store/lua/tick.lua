-- tick: advance Hydra time and delete what has expired, at most `batch` jobs a call.
-- FLAGS   allow-oom
-- KEYS    clock ended jobs workers paused served fleet
-- ARGV    now_ms# generation keep_ms# batch#
-- RETURNS live workers, and 1 if the caller is to read their rates now; -1 if this is not the data
--         that it knows

if is_other_data(k, a.generation) then return {-1, 0} end
local now_ms, wall_ms = hydra_now(k)
redis.call('HSET', k.clock, 'ticked', ms(wall_ms))
local old = redis.call('ZRANGEBYSCORE', k.ended, '-inf', ms(wall_ms - a.keep_ms), 'LIMIT', 0,
  int(a.batch))
for _, job in ipairs(old) do
  redis.call('ZREM', k.ended, job)
  redis.call('ZREM', k.jobs, job)
end
for _, seen in ipairs({k.workers, k.paused}) do
  redis.call('ZREMRANGEBYSCORE', seen, '-inf', ms(wall_ms - WORKER_KEEP_MS))
end
redis.call('ZREMRANGEBYSCORE', k.served, '-inf', '(' .. ms(now_ms - SERVED_MS))
local live = tonumber(redis.call('HGET', k.fleet, 'live') or 0)
local figured = tonumber(redis.call('HGET', k.clock, 'figured') or 0)
local pause_ms = math.floor(live / FIGURES_PER_S_MAX) * 1000
if pause_ms > 0 and now_ms - figured < pause_ms then return {live, 0} end
redis.call('HSET', k.clock, 'figured', ms(now_ms))
return {redis.call('ZCOUNT', k.workers, ms(wall_ms), '+inf'), 1}
