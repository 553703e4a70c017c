-- tick: advance Hydra time and clear away what has had its time, a bounded piece at a time.
-- FLAGS   allow-oom
-- KEYS    clock ended jobs workers paused served fleet
-- ARGV    now# generation keep_ms# batch#
-- RETURNS live workers, and 1 if the caller is to read their rates now; -1 if this is not the data
--         that it knows

if is_stranger(k, a.generation) then return {-1, 0} end
local now, wall = hydra_now(k)
redis.call('HSET', k.clock, 'ticked', ms(wall))
local old = redis.call('ZRANGEBYSCORE', k.ended, '-inf', ms(wall - a.keep_ms), 'LIMIT', 0,
  int(a.batch))
for _, job in ipairs(old) do
  redis.call('ZREM', k.ended, job)
  redis.call('ZREM', k.jobs, job)
end
for _, seen in ipairs({k.workers, k.paused}) do
  redis.call('ZREMRANGEBYSCORE', seen, '-inf', ms(wall - WORKER_KEEP_MS))
end
redis.call('ZREMRANGEBYSCORE', k.served, '-inf', '(' .. ms(now - SERVED_MS))
local live = tonumber(redis.call('HGET', k.fleet, 'live') or 0)
local figured = tonumber(redis.call('HGET', k.clock, 'figured') or 0)
local pause_ms = math.floor(live / FIGURES_PER_S_MAX) * 1000
if pause_ms > 0 and now - figured < pause_ms then return {live, 0} end
redis.call('HSET', k.clock, 'figured', ms(now))
return {redis.call('ZCOUNT', k.workers, ms(wall), '+inf'), 1}
