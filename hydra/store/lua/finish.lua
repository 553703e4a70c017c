-- finish: give a reduced job its answer, or fail it, if the reduction is still the caller's.
-- FLAGS   allow-oom
-- KEYS    clock job free leases ends runnable reducing ended sums pieces story answer files
--         history arrivals timeline bell tally
-- ARGV    now job token keep_ms state text name parts ...
--         (state `done`: text is the answer as JSON, then how many parts each file has, which
--         were uploaded before; `failed`: text is the reason)
-- RETURNS accepted, stale or closed
local k = {clock = KEYS[1], job = KEYS[2], free = KEYS[3], leases = KEYS[4], ends = KEYS[5],
           runnable = KEYS[6], reducing = KEYS[7], ended = KEYS[8], sums = KEYS[9],
           pieces = KEYS[10], story = KEYS[11], answer = KEYS[12], files = KEYS[13],
           history = KEYS[14], arrivals = KEYS[15], timeline = KEYS[16], bell = KEYS[17],
           tally = KEYS[18]}
local job, token, keep_ms, state, text = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local r = redis.call('HMGET', k.job, 'state', 'reducer')
if r[1] ~= 'reducing' then return 'closed' end
if r[2] ~= token then return 'stale' end
local _, wall = hydra_now(k.clock, ARGV[1])
if state == 'done' then
  redis.call('SET', k.answer, text, 'PX', keep_ms)
  for i = 7, #ARGV, 2 do
    redis.call('HSET', k.files, ARGV[i], ARGV[i + 1] .. ' ' .. token)
  end
  if #ARGV > 6 then redis.call('PEXPIRE', k.files, keep_ms) end
end
close(k, job, state, state == 'done' and '' or text, wall, keep_ms)
return 'accepted'
