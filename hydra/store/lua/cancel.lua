-- cancel: end a job that has not ended; hand-ins of its leases get `closed`.
-- FLAGS   allow-oom
-- KEYS    job
-- ARGV    now_ms# job reason keep_ms
-- RETURNS 1 if it ended the job, 0 if the job had ended, -1 if there is none

local state = redis.call('HGET', k.job, 'state')
if not state then return -1 end
if state ~= 'running' and state ~= 'reducing' then return 0 end
local _, wall_ms = hydra_now(k)
close(k, a.job, 'cancelled', wall_ms, a.keep_ms, 'reason', a.reason)
return 1
