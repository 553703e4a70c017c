-- tick: advance Hydra time and clear away what has had its time, a bounded piece at a time.
-- FLAGS   allow-oom
-- KEYS    clock jobs ended workers
-- ARGV    now keep_ms batch
-- RETURNS {live workers}
local k = {clock = KEYS[1], jobs = KEYS[2], ended = KEYS[3], workers = KEYS[4]}

local _, wall = hydra_now(k.clock, ARGV[1])
local old = redis.call('ZRANGEBYSCORE', k.ended, '-inf', ms(wall - tonumber(ARGV[2])),
  'LIMIT', 0, ARGV[3])
for _, job in ipairs(old) do
  redis.call('ZREM', k.ended, job)
  redis.call('ZREM', k.jobs, job)
end
redis.call('ZREMRANGEBYSCORE', k.workers, '-inf', ms(wall - WORKER_KEEP_MS))
return {redis.call('ZCOUNT', k.workers, ms(wall - LIVE_MS), '+inf')}
