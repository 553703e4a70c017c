-- cancel: end a job that has not ended; its leases drain as `closed`.
-- FLAGS   allow-oom
-- KEYS    clock job free leases ends runnable reducing ended sums pieces story
--         history arrivals timeline bell tally
-- ARGV    now job reason keep_ms
-- RETURNS 1 if it ended the job, 0 if the job had ended, -1 if there is none
local k = {clock = KEYS[1], job = KEYS[2], free = KEYS[3], leases = KEYS[4], ends = KEYS[5],
           runnable = KEYS[6], reducing = KEYS[7], ended = KEYS[8], sums = KEYS[9],
           pieces = KEYS[10], story = KEYS[11],
           history = KEYS[12], arrivals = KEYS[13], timeline = KEYS[14], bell = KEYS[15],
           tally = KEYS[16]}

local state = redis.call('HGET', k.job, 'state')
if not state then return -1 end
if state ~= 'running' and state ~= 'reducing' then return 0 end
local _, wall = hydra_now(k.clock, ARGV[1])
close(k, ARGV[2], 'cancelled', ARGV[3], wall, ARGV[4])
return 1
