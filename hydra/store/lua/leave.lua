-- leave: end a worker's last session; what it holds (lease, reduction) is lost; it lives no more.
-- FLAGS   allow-oom
-- KEYS    clock session worker job free leases ends deadlines runnable reducing ended sums pieces
--         workers story bell history arrivals timeline tally reduced_job reduced_story
-- ARGV    now worker session job token why keep_ms reduced
--         (job and token of a lease, and the job reduced last: as the session had them)
-- RETURNS 1 if a lease was lost, else 0
local k = {clock = KEYS[1], session = KEYS[2], worker = KEYS[3], job = KEYS[4], free = KEYS[5],
           leases = KEYS[6], ends = KEYS[7], deadlines = KEYS[8], runnable = KEYS[9],
           reducing = KEYS[10], ended = KEYS[11], sums = KEYS[12], pieces = KEYS[13],
           workers = KEYS[14], story = KEYS[15], bell = KEYS[16], history = KEYS[17],
           arrivals = KEYS[18], timeline = KEYS[19], tally = KEYS[20],
           reduced_job = KEYS[21], reduced_story = KEYS[22]}
local worker, session, job, token, why = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local reduced = ARGV[8]

if redis.call('HGET', k.worker, 'session') ~= session then return 0 end -- a newer one has begun
local _, wall = hydra_now(k.clock, ARGV[1])
local text = redis.call('HGET', k.leases, token)
local l = text and lease_read(text)
local lost = l and l.session == session
if lost then lose(k, job, token, l, 'lost', why, wall, ARGV[7]) end
local r = redis.call('HMGET', k.reduced_job, 'state', 'reducer')
if r[1] == 'reducing' and r[2] == session then
  redis.call('ZADD', k.reducing, 0, reduced)
  tell(k.reduced_story, 'reduce', worker .. ' made no answer: ' .. why)
  ring(k.bell)
end
redis.call('DEL', k.session)
redis.call('HDEL', k.worker, 'job', 'session')
redis.call('ZADD', k.workers, 'XX', ms(wall - 1), worker)
return lost and 1 or 0
