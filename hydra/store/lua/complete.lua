-- complete: count a prefix of a lease's span exactly once.
-- KEYS    job worker sums pieces arrivals history rate story runnable spent served reducing
-- ARGV    now_ms# seq# digest session worker job version keep_ms token start# stop# rest note
--         busy_ms# work# rest_unit_cost# partial...
--         (partial: names and values of the sums in turn, or one blob a unit)
-- RETURNS a receipt; or `invalid`, which rule and its numbers (see refusals.py), `reused`,
--         `unknown`, `stale`

local s = session_read(k, 'hand_in')
local before = answered_before(s, a.seq, a.digest)
if before then return before[1] end
local now_ms, wall_ms = hydra_now(k)
seen(k, a.worker, wall_ms)
local lease = lease_read(k, a.token)
if not lease or a.token ~= s.token then settle(k, s, now_ms, wall_ms) end
local job = hash_read(k.job, 'state', 'total', 'done', 'unassigned', 'bounds', 'piece_bytes_max',
  'done_work')

local unassigned = tonumber(job.unassigned or 0)
local function answer(verdict, start, stop, last)
  if verdict == 'closed' or verdict == 'stale' then unassigned = 0 end
  local fields = pace_of(k, rates_of(k, a.version), unassigned)
  fields.verdict, fields.start, fields.stop, fields.last = verdict, start, stop, last
  return reply(k, s, a.seq, a.digest, receipt_pack(fields))
end

-- Judge.
if job.state ~= 'running' then
  -- Its leases are gone, so the session may claim again.
  if s.next_job == a.job then drop(k, s, s.next_token, now_ms, wall_ms) end
  if s.job == a.job then drop(k, s, s.token, now_ms, wall_ms) end
  return answer('closed', 0, 0)
end
local total, done = tonumber(job.total), tonumber(job.done)
if not lease or lease.session ~= a.session or lease.start < a.start then
  return answer('stale', 0, 0)
end
if lease.start > a.start then return answer('counted', lease.start, lease.stop) end
if a.stop < a.start or a.stop > total then
  return 'invalid span start=' .. int(a.start) .. ' total=' .. int(total)
end
local n, of_sums = a.stop - a.start, job.bounds ~= ''
local given = #ARGV - a.partial_at + 1
if of_sums then
  local values, names = {}, 0
  for i = a.partial_at, #ARGV, 2 do values[ARGV[i]] = ARGV[i + 1] end
  for name, low, high in string.gmatch(job.bounds, '(%S+) (%S+) (%S+)') do
    names = names + 1
    low, high = tonumber(low) * n, tonumber(high) * n
    local value = values[name] or ''
    local number = string.match(value, '^%-?%d+$') and #value <= 17 and tonumber(value)
    if n > 0 and not (number and number >= low and number <= high
        and math.abs(number) < 2 ^ 53) then
      return 'invalid sum name=' .. name .. ' low=' .. int(low) .. ' high=' .. int(high)
        .. ' units=' .. int(n)
    end
  end
  if given ~= (n > 0 and 2 * names or 0) then return 'invalid sums' end
else
  for i = a.partial_at, #ARGV do
    if #ARGV[i] > tonumber(job.piece_bytes_max) then
      return 'invalid piece bytes=' .. job.piece_bytes_max
    end
  end
end
if a.stop > lease.stop then return answer('cut', 0, lease.stop) end

-- Write: fold the partial and move the lease's start.
lease.busy_ms = a.busy_ms
local ends = a.rest ~= 'keep' or a.stop == lease.stop
if lease.queued and (n > 0 or ends) then -- it counts from when its older sibling ended
  lease.queued = false
  if s.freed_ms > lease.at_ms then
    lease.at_ms, lease.lent_ms = s.freed_ms, s.freed_wall_ms
  end
end
if n > 0 then
  if of_sums then
    for i = a.partial_at, #ARGV, 2 do redis.call('HINCRBY', k.sums, ARGV[i], ARGV[i + 1]) end
  else
    for i = a.partial_at, #ARGV do
      local unit = int(a.start + i - a.partial_at)
      redis.call('HSET', k.pieces, unit, ARGV[i])
      redis.call('RPUSH', k.arrivals, unit)
    end
  end
  done = done + n
  local done_work = tonumber(job.done_work) + a.work
  redis.call('HSET', k.job, 'done', int(done), 'done_work', frac(done_work))
  count(k, 'units', n)
  local place = int(math.floor(done / total * HISTORY_PLACES))
  if redis.call('HEXISTS', k.history, place) == 0 then
    redis.call('HSET', k.history, place, sample_pack({at_ms = wall_ms, done_units = done,
      done_work = done_work, sums = table.concat(redis.call('HGETALL', k.sums), ' ')}))
  end
  local seconds = (now_ms - lease.at_ms) / 1000
  if seconds >= RATE_S_MIN then
    local sample, weight = a.work / seconds, 1 - math.exp(-seconds / RATE_MEMORY_S)
    local function learned(known)
      local old = tonumber(known or 0)
      return old > 0 and old + weight * (sample - old) or sample
    end
    local field = 'rate:' .. a.version
    local own = learned(redis.call('HGET', k.worker, field))
    redis.call('HSET', k.worker, field, frac(own))
    redis.call('SET', k.rate, frac(learned(redis.call('GET', k.rate))), 'PX', RATE_KEEP_MS)
    lease.rate_units_s = own / a.rest_unit_cost
  end
  redis.call('ZINCRBY', k.spent, frac(n * lease.unit_charge_s), a.job)
  redis.call('ZADD', k.served, 'XX', ms(now_ms), a.job)
  lease.start, lease.at_ms = a.stop, now_ms
  lease.losses, lease.many, lease.loser = 0, false, ''
end

-- What becomes of the rest.
if not ends then
  lease_renew(k, lease, now_ms, wall_ms)
  lease_write(k, a.job, a.token, lease)
  return answer('accepted', 0, lease.stop)
end
drop(k, s, a.token, now_ms, wall_ms)
if lease.start == lease.stop then
  lease_end(k, a.job, a.token, lease, lease.cut and 'cut' or 'complete', wall_ms)
elseif a.rest == 'lost' then
  lose(k, a.job, a.token, lease, 'lost', a.note, wall_ms, a.keep_ms)
  unassigned = tonumber(redis.call('HGET', k.job, 'unassigned'))
else
  give_back(k, a.job, a.token, lease, 'return', wall_ms, 'why', a.note)
  unassigned = unassigned + lease.stop - lease.start
end
local last = done == total
if last then
  redis.call('HSET', k.job, 'state', 'reducing')
  redis.call('ZREM', k.runnable, a.job)
  redis.call('ZREM', k.spent, a.job)
  redis.call('ZADD', k.reducing, 0, a.job)
  add_to_story(k.story, 'reduce', 'units', int(total))
  ring(k)
end
return answer('accepted', 0, lease.stop, last)
