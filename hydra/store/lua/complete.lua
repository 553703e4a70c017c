-- complete: count a prefix of a lease's span exactly once; heartbeat, hand-in and next claim.
-- KEYS    clock session job free leases ends deadlines runnable reducing ended sums pieces
--         worker workers rate fleet story bell history arrivals timeline tally
-- ARGV    now seq digest session worker job version keep_ms
--         token from to rest note busy_ms work rest_unit_cost
--         next_token units tau_ms beat_ms slice why unit_cost tail
--         (units 0: no next chunk wanted)
--         then `name value` pairs of sums, or one blob a unit
-- RETURNS `verdict stop last` and pace_words, and on a second line a grant if there is one; or
--         `invalid <sentence>`, `reused`, `unknown`
local k = {clock = KEYS[1], session = KEYS[2], job = KEYS[3], free = KEYS[4], leases = KEYS[5],
           ends = KEYS[6], deadlines = KEYS[7], runnable = KEYS[8], reducing = KEYS[9],
           ended = KEYS[10], sums = KEYS[11], pieces = KEYS[12], worker = KEYS[13],
           workers = KEYS[14], rate = KEYS[15], fleet = KEYS[16], story = KEYS[17],
           bell = KEYS[18], history = KEYS[19], arrivals = KEYS[20], timeline = KEYS[21],
           tally = KEYS[22]}
local seq, digest, job = tonumber(ARGV[2]), ARGV[3], ARGV[6]
local who = {session = ARGV[4], worker = ARGV[5]}
local version, keep_ms, token = ARGV[7], ARGV[8], ARGV[9]
local from, to, rest, note = tonumber(ARGV[10]), tonumber(ARGV[11]), ARGV[12], ARGV[13]
local busy, work, rest_unit_cost = ARGV[14], tonumber(ARGV[15]), tonumber(ARGV[16])
local ask = {version = version, token = ARGV[17], units = tonumber(ARGV[18]),
             tau = tonumber(ARGV[19]), beat = tonumber(ARGV[20]), slice = tonumber(ARGV[21]),
             why = ARGV[22], cost = tonumber(ARGV[23]), tail = ARGV[24] ~= ''}
local FIRST = 25

local before = heard_before(k.session, seq, digest)
if before then return before[1] end
local now, wall = hydra_now(k.clock, ARGV[1])
seen(k, who.worker, wall)

local function answer(verdict, stop, unassigned, last)
  return table.concat({verdict, int(stop), last and '1' or '0',
    pace_words(k, unassigned, pace(k, version))}, ' ')
end
local function part(verdict) -- nothing changes, but a session whose lease is gone may claim again
  local held = redis.call('HMGET', k.session, 'job', 'token')
  if held[1] == job and redis.call('HEXISTS', k.leases, held[2]) == 0 then
    redis.call('HSET', k.session, 'job', '')
    redis.call('HDEL', k.worker, 'job')
  end
  return reply(k.session, seq, digest, answer(verdict, 0, 0))
end

-- Judge.
local r = redis.call('HMGET', k.job, 'state', 'total', 'done', 'unassigned', 'priority',
  'bounds', 'piece_bytes_max', 'done_work')
if r[1] ~= 'running' then return part('closed') end
local total, done, unassigned = tonumber(r[2]), tonumber(r[3]), tonumber(r[4])
local text = redis.call('HGET', k.leases, token)
local l = text and lease_read(text)
if not l or l.session ~= who.session or l.start ~= from then return part('stale') end
if to < from or to > total then
  return 'invalid the span must be inside ' .. int(from) .. '..' .. int(total)
end
local n = to - from
local given = #ARGV - FIRST + 1
if r[6] ~= '' then
  local values, names = {}, 0
  for i = FIRST, #ARGV, 2 do values[ARGV[i]] = ARGV[i + 1] end
  for name, low, high in string.gmatch(r[6], '(%S+) (%S+) (%S+)') do
    names = names + 1
    local value = values[name] or ''
    local number = string.match(value, '^%-?%d+$') and #value <= 17 and tonumber(value)
    if n > 0 and not (number and number >= tonumber(low) * n and number <= tonumber(high) * n
        and math.abs(number) < 2 ^ 53) then
      return 'invalid ' .. name .. ' must be from ' .. int(tonumber(low) * n) .. ' to '
        .. int(tonumber(high) * n) .. ' for ' .. int(n) .. ' units'
    end
  end
  if given ~= (n > 0 and 2 * names or 0) then return 'invalid the sums must be the kernel\'s' end
else
  for i = FIRST, #ARGV do
    if #ARGV[i] > tonumber(r[7]) then
      return 'invalid a piece must be at most ' .. r[7] .. ' bytes'
    end
  end
end
if to > l.stop then return reply(k.session, seq, digest, answer('cut', l.stop, unassigned)) end

-- Write: fold the partial and move the lease's start.
l.busy = busy
if n > 0 then
  for i = FIRST, #ARGV, 2 do
    if r[6] ~= '' then redis.call('HINCRBY', k.sums, ARGV[i], ARGV[i + 1]) end
  end
  if r[6] == '' then
    for i = FIRST, #ARGV do
      redis.call('HSET', k.pieces, int(from + i - FIRST), ARGV[i])
      redis.call('RPUSH', k.arrivals, int(from + i - FIRST))
    end
  end
  done = done + n
  local done_work = frac(tonumber(r[8]) + work)
  redis.call('HSET', k.job, 'done', int(done), 'done_work', done_work)
  count(k.tally, 'units', n)
  local place = int(math.floor(done / total * HISTORY_PLACES))
  if redis.call('HEXISTS', k.history, place) == 0 then
    local words = {int(wall), int(done), done_work}
    for _, word in ipairs(redis.call('HGETALL', k.sums)) do words[#words + 1] = word end
    redis.call('HSET', k.history, place, table.concat(words, ' '))
  end
  local seconds = (now - l.at) / 1000
  if seconds >= RATE_S_MIN then
    local sample, weight = work / seconds, 1 - math.exp(-seconds / RATE_MEMORY_S)
    local function learned(known)
      local old = tonumber(known or 0)
      return frac(old > 0 and old + weight * (sample - old) or sample)
    end
    local own = 'rate:' .. version
    redis.call('HSET', k.worker, own, learned(redis.call('HGET', k.worker, own)))
    redis.call('SET', k.rate, learned(redis.call('GET', k.rate)), 'PX', RATE_KEEP_MS)
    l.rate = (pace(k, version)) / rest_unit_cost
  end
  l.start, l.at, l.losses, l.many, l.loser = to, now, 0, '0', '-'
end

-- What becomes of the rest.
if l.start < l.stop and rest == 'lost' then
  redis.call('HDEL', k.worker, 'job')
  lose(k, job, token, l, 'lost', note, wall, keep_ms)
  unassigned = tonumber(redis.call('HGET', k.job, 'unassigned'))
elseif l.start < l.stop and rest == 'keep' then
  lease_renew(k, l, now, wall)
  lease_write(k, job, token, l)
  return reply(k.session, seq, digest, answer('accepted', l.stop, unassigned))
else
  local whole = l.cut == '1' and 'cut' or 'complete'
  lease_end(k, job, token, l, l.start < l.stop and 'return' or whole, wall)
  redis.call('HDEL', k.worker, 'job')
  if l.start < l.stop then
    free_put(k.free, l)
    ring(k.bell)
    unassigned = unassigned + l.stop - l.start
    redis.call('HSET', k.job, 'unassigned', int(unassigned))
    tell(k.story, 'return', who.worker .. ' gives back units ' .. int(l.start) .. '..'
      .. int(l.stop) .. ': ' .. note)
  end
end
redis.call('HSET', k.session, 'job', '')

local last = done == total
if last then
  redis.call('HSET', k.job, 'state', 'reducing')
  redis.call('ZREM', k.runnable, job)
  redis.call('ZADD', k.reducing, 0, job)
  tell(k.story, 'reduce', 'all ' .. int(total) .. ' units are in')
  ring(k.bell)
end
local out = answer('accepted', l.stop, unassigned, last)

-- The next chunk of the same job, unless another job has waited longer by more than a chunk.
if ask.units > 0 and rest ~= 'lost' and not last then
  local least = redis.call('ZRANGE', k.runnable, 0, 0, 'WITHSCORES')
  local mine = tonumber(redis.call('ZSCORE', k.runnable, job))
  local chunk_s = charge(k, ask, ask.units)
  local range = mine <= tonumber(least[2]) + chunk_s and free_take(k.free, ask)
  if range then
    local j = {unassigned = unassigned - (range.stop - range.start), priority = tonumber(r[5])}
    redis.call('HSET', k.job, 'unassigned', int(j.unassigned))
    out = out .. '\n' .. lend(k, who, job, j, ask, range, now, wall)
  end
end
return reply(k.session, seq, digest, out)
