-- expire: end a lease whose deadline has passed and requeue its span, for new claims.
-- FLAGS   allow-oom
-- KEYS    job deadlines
-- ARGV    now_ms# job token why keep_ms
-- RETURNS 1 if it ended the lease, else 0

local now_ms, wall_ms = hydra_now(k)
local lease = lease_read(k, a.token)
if redis.call('HGET', k.job, 'state') ~= 'running' or not lease then
  redis.call('ZREM', k.deadlines, lease_id_pack({job = a.job, token = a.token}))
  return 0
end
if lease.deadline_ms > now_ms then return 0 end
lose(k, a.job, a.token, lease, 'expire', a.why, wall_ms, a.keep_ms)
return 1
