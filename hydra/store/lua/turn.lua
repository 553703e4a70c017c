-- turn: give way to a job that has waited for its turn, once in TURN_MS.
-- KEYS    job served
-- ARGV    now_ms# job
-- RETURNS 1 if the caller is to give way to it, else 0

local r = hash_read(k.job, 'state', 'unassigned')
if r.state ~= 'running' then return 0 end
local now_ms = hydra_now(k)
if not waits_for_turn(k, a.job, now_ms) then return 0 end
if tonumber(r.unassigned) == 0 then
  redis.call('ZADD', k.served, ms(now_ms), a.job) -- nobody need ask again for a while
  return 0
end
serve(k, a.job, now_ms, 0)
return 1
