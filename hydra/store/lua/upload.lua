-- upload: store parts of a file of the answer, if the reduction is still the caller's.
-- FLAGS   allow-oom
-- KEYS    files
-- ARGV    now_ms# token name first# parts...
-- RETURNS 1 if they were stored, else 0

local held = reduction_read(k)
if not held or held.token ~= a.token then return 0 end
hydra_now(k)
for i = a.parts_at, #ARGV do
  redis.call('HSET', k.files, a.token .. '/' .. a.name .. '/' .. int(a.first + i - a.parts_at),
    ARGV[i])
end
return 1
