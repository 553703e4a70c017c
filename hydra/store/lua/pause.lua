-- pause: note a worker that takes no work for now; until it enlists again it counts as none.
-- KEYS    worker workers paused
-- ARGV    now_ms# worker host pid# why until_ms#
-- RETURNS ok

local _, wall_ms = hydra_now(k)
redis.call('HSET', k.worker, 'host', a.host, 'pid', int(a.pid), 'paused', a.why,
  'paused_until', int(a.until_ms), 'seen', int(wall_ms))
redis.call('HDEL', k.worker, 'job')
redis.call('PEXPIRE', k.worker, WORKER_KEEP_MS)
redis.call('ZREM', k.workers, a.worker)
redis.call('ZADD', k.paused, ms(wall_ms), a.worker)
return 'ok'
