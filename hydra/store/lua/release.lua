-- release: give a reduction back unharmed, for others to take at once.
-- FLAGS   allow-oom
-- KEYS    job
-- ARGV    now_ms# job token why keep_ms
-- RETURNS 1 if the reduction was the caller's, else 0

local held = reduction_read(k)
if not held or held.token ~= a.token then return 0 end
local _, wall_ms = hydra_now(k)
local returns = redis.call('HINCRBY', k.job, 'returns', 1)
reduction_end(k, a.job, held, a.why)
if returns >= REDUCE_RETURNS_MAX then
  close(k, a.job, 'failed', wall_ms, a.keep_ms, 'returns', int(returns), 'why', a.why)
end
return 1
