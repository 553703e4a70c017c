-- _prelude: what every script may use; it comes before each, after the limits.
--
-- Redis does not roll a failed script back, so every script looks, then judges, then writes.
-- Records are text: integers never pass through tostring or cjson, which turn them into floats.
-- `k` is the script's table of keys, named as in keys.py.

local function int(n) return string.format('%.0f', n) end
local function frac(x) return string.format('%.17g', x) end
local function ms(x) return string.format('%.3f', x) end

-- Hydra time: stands still while nobody calls, so a stalled server expires no lease.
-- Returns it with the wall clock, both in ms. `given` < 0 asks Redis for the wall clock.
local function hydra_now(clock, given)
  local wall = tonumber(given)
  if wall < 0 then
    local t = redis.call('TIME')
    wall = tonumber(t[1]) * 1000 + tonumber(t[2]) / 1000
  end
  local c = redis.call('HMGET', clock, 'seen', 'active')
  local seen, active = tonumber(c[1] or wall), tonumber(c[2] or 0)
  active = active + math.min(math.max(wall - seen, 0), TICK_MS_MAX)
  redis.call('HSET', clock, 'seen', ms(wall), 'active', ms(active))
  return active, wall
end

-- Whether this is other data than the caller knows; one that knows none takes any.
local function is_stranger(generation, known)
  return known ~= '' and redis.call('GET', generation) ~= known
end

local function tell(story, verb, text)
  redis.call('XADD', story, 'MAXLEN', '~', STORY_ENTRIES_MAX, '*', 'verb', verb, 'text', text)
end

-- Add to a total over all jobs, for the metrics; nothing is decided by it.
local function count(tally, what, n)
  redis.call('HINCRBY', tally, what, int(n))
end

local function ring(bell)
  redis.call('XADD', bell, 'MAXLEN', 1, '*', 'work', '1')
end

-- A session's call that was answered before: {reply} to send again, {refusal}, or nil to go on.
local function heard_before(session, seq, digest)
  local s = redis.call('HMGET', session, 'seq', 'digest', 'reply')
  if not s[1] then return {'unknown'} end
  local last = tonumber(s[1])
  if seq < last then return {'stale'} end
  if seq == last then return {s[2] == digest and s[3] or 'reused'} end
  return nil
end

-- Remember the reply to a session's call, and hand it on.
local function reply(session, seq, digest, text)
  redis.call('HSET', session, 'seq', int(seq), 'digest', digest, 'reply', text)
  redis.call('PEXPIRE', session, SESSION_TTL_MS)
  return text
end

local function range_member(r)
  return int(r.stop) .. ' ' .. int(r.losses) .. ' ' .. r.many .. ' ' .. r.loser
end

local function range_read(member, score)
  local stop, losses, many, loser = string.match(member, '^(%d+) (%d+) (%d) (%S+)$')
  return {start = tonumber(score), stop = tonumber(stop), losses = tonumber(losses),
          many = many, loser = loser}
end

-- Put a range among the free ones; it joins a neighbour only if their losses are the same.
local function free_put(free, r)
  local tail = ' ' .. int(r.losses) .. ' ' .. r.many .. ' ' .. r.loser
  local left = redis.call('ZREVRANGEBYSCORE', free, int(r.start), '-inf', 'WITHSCORES',
    'LIMIT', 0, 1)
  local start, stop = r.start, r.stop
  if left[1] == int(r.start) .. tail then
    redis.call('ZREM', free, left[1])
    start = tonumber(left[2])
  end
  local right = redis.call('ZRANGEBYSCORE', free, int(r.stop), int(r.stop))
  if right[1] and string.match(right[1], '^%d+(.*)$') == tail then
    redis.call('ZREM', free, right[1])
    stop = tonumber(string.match(right[1], '^%d+'))
  end
  redis.call('ZADD', free, int(start), int(stop) .. tail)
end

-- Take `ask.units` from one end of what is free, fewer if they were lost before; nil if none.
local function free_take(free, ask)
  local top = redis.call(ask.tail and 'ZREVRANGE' or 'ZRANGE', free, 0, 0, 'WITHSCORES')
  if not top[1] then return nil end
  local r = range_read(top[1], top[2])
  local start, stop = r.start, r.stop
  local n = math.min(ask.units, stop - start)
  n = math.max(1, math.floor(n / 2 ^ math.max(r.losses - 1, 0)))
  if ask.tail then r.start = stop - n else r.stop = start + n end
  redis.call('ZREM', free, top[1])
  if r.stop < stop then redis.call('ZADD', free, int(r.stop), top[1]) end
  if r.start > start then
    redis.call('ZADD', free, int(start), (string.gsub(top[1], '^%d+', int(r.start))))
  end
  return r
end

local function lease_read(text)
  local w = {}
  for word in string.gmatch(text, '%S+') do w[#w + 1] = word end
  return {start = tonumber(w[1]), stop = tonumber(w[2]), slice = tonumber(w[3]),
          rate = tonumber(w[4]), at = tonumber(w[5]), deadline = tonumber(w[6]),
          beat = tonumber(w[7]), losses = tonumber(w[8]), many = w[9], loser = w[10],
          session = w[11], worker = w[12], tau = tonumber(w[13]),
          lent = w[14], first = w[15], cut = w[16], busy = w[17]}
end

-- Push the deadline of a lease back, whose holder calls: three beats, doubled for each loss in a
-- row up to a cap. Until then it counts as live.
local function lease_renew(k, l, now, wall)
  local plain_ms = LEASE_BEATS * l.beat
  local left_ms = math.max(plain_ms, math.min(plain_ms * 2 ^ l.losses, LEASE_MS_MAX))
  l.deadline = now + left_ms
  if left_ms > LIVE_MS then redis.call('ZADD', k.workers, ms(wall + left_ms), l.worker) end
end

-- Write a lease and its places in `deadlines` and `ends`.
local function lease_write(k, job, token, l)
  local left_ms = l.tau
  if l.rate > 0 then left_ms = (l.stop - l.start) / l.rate * 1000 end
  redis.call('HSET', k.leases, token, table.concat({
    int(l.start), int(l.stop), int(l.slice), frac(l.rate), ms(l.at), ms(l.deadline), ms(l.beat),
    int(l.losses), l.many, l.loser, l.session, l.worker, ms(l.tau),
    l.lent, l.first, l.cut, l.busy}, ' '))
  redis.call('ZADD', k.deadlines, ms(l.deadline), job .. ' ' .. token)
  redis.call('ZADD', k.ends, ms(l.at + left_ms), token)
end

-- End a lease and note it in the timeline, `how` as in model.End: the one place where leases die.
local function lease_end(k, job, token, l, how, wall)
  redis.call('XADD', k.timeline, 'MAXLEN', '~', TIMELINE_CHUNKS_MAX, '*', 'chunk', table.concat({
    l.worker, l.first, int(l.start), l.lent, int(wall), l.busy, how}, ' '))
  count(k.tally, 'lease ' .. how, 1)
  redis.call('HDEL', k.leases, token)
  redis.call('ZREM', k.ends, token)
  redis.call('ZREM', k.deadlines, job .. ' ' .. token)
end

local function pace(k, version)
  local rate = redis.call('HGET', k.worker, 'rate:' .. version) or redis.call('GET', k.rate)
  local fleet = redis.call('HMGET', k.fleet, version, 'live')
  return tonumber(rate or 0), tonumber(fleet[1] or 0), fleet[2] or '0'
end

-- What sizes a worker's next chunk: unassigned rate fleet_rate live, and the free units' ends.
local function pace_words(k, unassigned, rate, fleet_rate, live)
  local low = redis.call('ZRANGE', k.free, 0, 0, 'WITHSCORES')
  local high = redis.call('ZREVRANGE', k.free, 0, 0)
  local stop = low[1] and string.match(high[1], '^%d+') or '0'
  return table.concat({int(unassigned), frac(rate), frac(fleet_rate), live,
    int(tonumber(low[2] or 0)), stop}, ' ')
end

-- What a claim of n units costs its job: the seconds that the whole fleet would need for them, so
-- that jobs share the fleet's work and not only its workers, which differ in speed.
local function charge(k, ask, n)
  local rate, fleet_rate, live = pace(k, ask.version)
  if rate > 0 and fleet_rate > 0 then return n * ask.cost / math.max(fleet_rate, rate) end
  local worker_s = rate > 0 and n * ask.cost / rate or ask.tau / 1000
  return worker_s / math.max(tonumber(live), 1)
end

-- Lend a range: the one place where leases are born. `ask` is the worker's wish, `j` the job's
-- numbers. Returns the words of a grant.
local function lend(k, who, job, j, ask, range, now, wall)
  local rate, fleet_rate, live = pace(k, ask.version)
  local n = range.stop - range.start
  local rate_units = rate / ask.cost
  local l = {start = range.start, stop = range.stop, slice = ask.slice, rate = rate_units,
             at = now, beat = ask.beat, losses = range.losses, many = range.many,
             loser = range.loser, session = who.session, worker = who.worker, tau = ask.tau,
             lent = int(wall), first = int(range.start), cut = '0', busy = '0'}
  lease_renew(k, l, now, wall)
  lease_write(k, job, ask.token, l)
  redis.call('ZINCRBY', k.runnable, frac(charge(k, ask, n) / j.priority), job)
  redis.call('HSET', k.session, 'job', job, 'token', ask.token)
  local text = who.worker .. ' takes units ' .. int(range.start) .. '..' .. int(range.stop)
    .. ': ' .. ask.why
  redis.call('HSET', k.worker, 'job', job, 'doing', text)
  tell(k.story, 'claim', text)
  return table.concat({'granted', job, ask.token, int(range.start), int(range.stop), int(ask.slice),
    ms(ask.tau), ms(ask.beat), pace_words(k, j.unassigned, rate, fleet_rate, live)}, ' ')
end

local function seen(k, worker, wall)
  redis.call('HSET', k.worker, 'seen', int(wall))
  redis.call('ZADD', k.workers, ms(wall + LIVE_MS), worker)
end

-- Close a job for good: only its record, sums, story and answer stay, for a time.
local function close(k, job, state, reason, wall, keep_ms)
  redis.call('HSET', k.job, 'state', state, 'reason', reason, 'ended', int(wall), 'unassigned', '0')
  redis.call('ZREM', k.runnable, job)
  redis.call('ZREM', k.reducing, job)
  redis.call('ZADD', k.ended, int(wall), job)
  redis.call('DEL', k.free, k.leases, k.ends, k.pieces, k.arrivals)
  tell(k.story, state, reason)
  ring(k.bell)
  count(k.tally, 'job ' .. state, 1)
  for _, key in ipairs({k.job, k.sums, k.story, k.history, k.timeline}) do
    redis.call('PEXPIRE', key, keep_ms)
  end
end

-- Take a lease away as lost: its range goes back with one loss more. A single unit that was lost
-- too often, by several workers (or by the only one there is), is dead and fails the job; one
-- worker alone among others must lose it more often.
local function lose(k, job, token, l, how, why, wall, keep_ms)
  local losses, loser, many = l.losses + 1, l.loser, l.many
  if l.losses == 0 then
    loser, many = l.worker, '0'
  elseif loser ~= l.worker then
    many = '1'
  end
  local alone = redis.call('ZCOUNT', k.workers, ms(wall), '+inf') < 2
  local losses_max = (many == '1' or alone) and LOSSES_MAX or LOSSES_ALONE_MAX
  lease_end(k, job, token, l, how, wall)
  local span = int(l.start) .. '..' .. int(l.stop)
  tell(k.story, 'expire', l.worker .. ' lost units ' .. span .. ': ' .. why)
  if l.stop - l.start == 1 and losses >= losses_max then
    close(k, job, 'failed', 'unit ' .. int(l.start) .. ' was lost ' .. int(losses)
      .. ' times: ' .. why, wall, keep_ms)
    return
  end
  free_put(k.free, {start = l.start, stop = l.stop, losses = losses, many = many, loser = loser})
  ring(k.bell)
  local unassigned = tonumber(redis.call('HGET', k.job, 'unassigned'))
  redis.call('HSET', k.job, 'unassigned', int(unassigned + l.stop - l.start))
end
