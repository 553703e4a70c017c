-- pause: note a worker that takes no work for now; until it enlists again it counts as none.
-- KEYS    clock worker workers paused
-- ARGV    now worker host pid why until_ms
-- RETURNS ok
local k = {clock = KEYS[1], worker = KEYS[2], workers = KEYS[3], paused = KEYS[4]}

local _, wall = hydra_now(k.clock, ARGV[1])
redis.call('HSET', k.worker, 'host', ARGV[3], 'pid', ARGV[4], 'paused', ARGV[5],
  'paused_until', ARGV[6], 'seen', int(wall))
redis.call('HDEL', k.worker, 'job')
redis.call('PEXPIRE', k.worker, WORKER_KEEP_MS)
redis.call('ZREM', k.workers, ARGV[2])
redis.call('ZADD', k.paused, ms(wall), ARGV[2])
return 'ok'
