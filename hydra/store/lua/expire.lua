-- expire: end a lease whose deadline has passed; its span goes back to free, to be cut afresh.
-- FLAGS   allow-oom
-- KEYS    clock job free leases ends deadlines runnable reducing ended sums pieces workers
--         story bell history arrivals timeline tally
-- ARGV    now job token keep_ms
-- RETURNS 1 if it ended the lease, else 0
local k = {clock = KEYS[1], job = KEYS[2], free = KEYS[3], leases = KEYS[4], ends = KEYS[5],
           deadlines = KEYS[6], runnable = KEYS[7], reducing = KEYS[8], ended = KEYS[9],
           sums = KEYS[10], pieces = KEYS[11], workers = KEYS[12], story = KEYS[13],
           bell = KEYS[14], history = KEYS[15], arrivals = KEYS[16],
           timeline = KEYS[17], tally = KEYS[18]}
local job, token = ARGV[2], ARGV[3]

local now, wall = hydra_now(k.clock, ARGV[1])
local text = redis.call('HGET', k.leases, token)
if redis.call('HGET', k.job, 'state') ~= 'running' or not text then
  redis.call('ZREM', k.deadlines, job .. ' ' .. token)
  return 0
end
local l = lease_read(text)
if l.deadline > now then return 0 end
lose(k, job, token, l, 'expire', 'no heartbeat before the deadline', wall, ARGV[4])
return 1
