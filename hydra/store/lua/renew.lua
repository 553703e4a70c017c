-- renew: go on holding a reduction; its worker counts as live meanwhile.
-- FLAGS   allow-oom
-- KEYS    reducing workers
-- ARGV    now_ms# job token
-- RETURNS 1 if the reduction is still the caller's, else 0

local held = reduction_read(k)
if not held or held.token ~= a.token then return 0 end
local now_ms, wall_ms = hydra_now(k)
redis.call('ZADD', k.reducing, ms(now_ms + REDUCE_LEASE_MS), a.job)
redis.call('ZADD', k.workers, 'XX', 'GT', ms(wall_ms + LIVE_MS), held.worker)
return 1
