-- finish: give a reduced job its answer, or fail it, if the reduction is still the caller's.
-- FLAGS   allow-oom
-- KEYS    job answer files
-- ARGV    now_ms# job token keep_ms answer reason files...
--         (answer: as JSON, or empty, and then `reason` says why there is none; files: the name of
--         each and how many parts it has, which were uploaded before)
-- RETURNS accepted, stale or closed

local held = reduction_read(k)
if not held or held.token ~= a.token then
  return redis.call('HGET', k.job, 'state') == 'reducing' and 'stale' or 'closed'
end
local parts = 0
for i = a.files_at + 1, #ARGV, 2 do parts = parts + tonumber(ARGV[i]) end
if redis.call('HLEN', k.files) < parts then return 'stale' end -- the data has fallen back
local _, wall_ms = hydra_now(k)
if a.answer == '' then
  close(k, a.job, 'failed', wall_ms, a.keep_ms, 'reason', a.reason)
  return 'accepted'
end
redis.call('SET', k.answer, a.answer, 'PX', a.keep_ms)
for i = a.files_at, #ARGV, 2 do
  local file = file_pack({parts = tonumber(ARGV[i + 1]), token = a.token})
  redis.call('HSET', k.files, ARGV[i], file)
end
close(k, a.job, 'done', wall_ms, a.keep_ms)
return 'accepted'
