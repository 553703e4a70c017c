-- _prelude: what every script may use. `k` is the script's table of keys, `a` that of its
-- arguments: `scripts.py` makes both from the script's header, and a pair of functions for each
-- layout. A step names the keys that it touches itself; a script has those of the steps it calls.
--
-- Redis does not roll a failed script back, so every script looks, then judges, then writes.

-- Records of another format than this script writes: nothing is read or changed.
local found_format = redis.call('GET', k.format)
if found_format ~= FORMAT and (found_format or redis.call('EXISTS', k.generation) == 1) then
  return redis.error_reply('HYDRAFORMAT ' .. (found_format or '1'))
end

-- The named fields of a hash, as text; nil where there is none.
local function hash_read(key, ...)
  local names, found = {...}, {}
  local values = redis.call('HMGET', key, ...)
  for i = 1, #names do found[names[i]] = values[i] or nil end
  return found
end

-- Hydra time: it stands still while nobody calls, so a stalled server ends no lease.
-- Returns it with the wall clock, both in ms. `a.now_ms` < 0 asks Redis for the wall clock.
-- KEYS    clock
local function hydra_now(k)
  local wall_ms = a.now_ms
  if wall_ms < 0 then
    local t = redis.call('TIME')
    wall_ms = tonumber(t[1]) * 1000 + tonumber(t[2]) / 1000
  end
  local clock = hash_read(k.clock, 'seen', 'active')
  local seen, active = tonumber(clock.seen or wall_ms), tonumber(clock.active or 0)
  active = active + math.min(math.max(wall_ms - seen, 0), TICK_MS_MAX)
  redis.call('HSET', k.clock, 'seen', ms(wall_ms), 'active', ms(active))
  return active, wall_ms
end

-- Whether this is other data than the caller knows; a caller that knows none accepts any.
-- KEYS    generation
local function is_other_data(k, known)
  return known ~= '' and redis.call('GET', k.generation) ~= known
end

-- Add to a story: the verb, then names and values of fields, which hydra.model.story makes a
-- sentence of.
local function add_to_story(story, verb, ...)
  redis.call('XADD', story, 'MAXLEN', '~', STORY_ENTRIES_MAX, '*', 'verb', verb, ...)
end

-- Add to a total over all jobs, for the metrics; nothing is decided by it.
-- KEYS    tally
local function count(k, what, n)
  redis.call('HINCRBY', k.tally, what, int(n))
end

-- KEYS    bell
local function ring(k)
  redis.call('XADD', k.bell, 'MAXLEN', 1, '*', 'work', '1')
end

-- A session: its last call in a lane (`claim` or `hand_in`, each with numbers of its own), and its
-- places: `job` and `token` are of its older lease, `next_job` and `next_token` of its younger.
-- Steps change places in this table; `reply` or `places_write` writes them.
-- KEYS    session
local function session_read(k, lane)
  local seq, digest, reply = lane .. '_seq', lane .. '_digest', lane .. '_reply'
  local s = hash_read(k.session, seq, digest, reply, 'job', 'token', 'next_job', 'next_token',
    'freed_ms', 'freed_wall_ms', 'alone', 'passed')
  s.lane, s.seq, s.digest, s.reply = lane, tonumber(s[seq]), s[digest], s[reply]
  s.freed_ms, s.freed_wall_ms = tonumber(s.freed_ms), tonumber(s.freed_wall_ms)
  s.passed = s.passed or ''
  return s
end

-- A session's call that was answered before: {reply} to send again, {refusal}, or nil to go on.
local function answered_before(s, seq, digest)
  if not s.seq then return {'unknown'} end
  if seq < s.seq then return {'stale'} end
  if seq == s.seq then return {s.digest == digest and s.reply or 'reused'} end
  return nil
end

-- The places of a session as fields and values; nothing if no step has changed them.
local function places_of(s)
  if not s.changed then return end
  return 'job', s.job, 'token', s.token, 'next_job', s.next_job, 'next_token', s.next_token,
    'freed_ms', ms(s.freed_ms), 'freed_wall_ms', int(s.freed_wall_ms), 'alone', s.alone
end

-- KEYS    session
local function places_write(k, s)
  if s.changed then redis.call('HSET', k.session, places_of(s)) end
  s.changed = false
end

-- Remember the reply to a session's call, and hand it on.
-- KEYS    session
local function reply(k, s, seq, digest, text)
  redis.call('HSET', k.session, s.lane .. '_seq', int(seq), s.lane .. '_digest', digest,
    s.lane .. '_reply', text, places_of(s))
  redis.call('PEXPIRE', k.session, SESSION_TTL_MS)
  return text
end

-- The older lease of a session has ended: the younger, if there is one, is the older from now on.
-- KEYS    worker
local function shift(k, s, now_ms, wall_ms)
  s.job, s.token, s.next_job, s.next_token = s.next_job, s.next_token, '', ''
  s.freed_ms, s.freed_wall_ms = now_ms, wall_ms
  s.alone = '' -- a range that was lost before is never a younger lease
  s.changed = true
  if s.job == '' then
    redis.call('HDEL', k.worker, 'job')
  else
    redis.call('HSET', k.worker, 'job', s.job)
  end
end

-- Take a lease that has ended from a session's places.
local function drop(k, s, token, now_ms, wall_ms)
  if token == s.next_token then
    s.next_job, s.next_token, s.changed = '', '', true
  elseif token == s.token then
    shift(k, s, now_ms, wall_ms)
  end
end

-- Take leases that others have ended from a session's places.
-- KEYS    deadlines
local function settle(k, s, now_ms, wall_ms)
  local function ended(job, token)
    local id = token ~= '' and lease_id_pack({job = job, token = token})
    return id and not redis.call('ZSCORE', k.deadlines, id)
  end
  if ended(s.next_job, s.next_token) then drop(k, s, s.next_token, now_ms, wall_ms) end
  if ended(s.job, s.token) then drop(k, s, s.token, now_ms, wall_ms) end
  places_write(k, s)
end

-- Put a range among the free ones; it joins a neighbour only if their losses are the same.
-- KEYS    free
local function free_put(k, range)
  local function joins(other)
    return other.losses == range.losses and other.many == range.many and other.loser == range.loser
  end
  local start, stop = range.start, range.stop
  local left = redis.call('ZREVRANGEBYSCORE', k.free, int(start), '-inf', 'WITHSCORES',
    'LIMIT', 0, 1)
  if left[1] then
    local other = range_unpack(left[1])
    if other.stop == start and joins(other) then
      redis.call('ZREM', k.free, left[1])
      start = tonumber(left[2])
    end
  end
  local right = redis.call('ZRANGEBYSCORE', k.free, int(stop), int(stop))
  if right[1] then
    local other = range_unpack(right[1])
    if joins(other) then
      redis.call('ZREM', k.free, right[1])
      stop = other.stop
    end
  end
  redis.call('ZADD', k.free, int(start), range_pack({stop = stop, losses = range.losses,
    many = range.many, loser = range.loser}))
end

-- Take `ask.units` from one end of what is free, fewer if they were lost before; nil if none.
-- With `unharmed`, nil if what lies there was lost before.
-- KEYS    free
local function free_take(k, ask, unharmed)
  local top = redis.call(ask.tail and 'ZREVRANGE' or 'ZRANGE', k.free, 0, 0, 'WITHSCORES')
  if not top[1] then return nil end
  local range = range_unpack(top[1])
  if unharmed and range.losses > 0 then return nil end
  range.start = tonumber(top[2])
  local start, stop = range.start, range.stop
  local n = math.min(ask.units, stop - start)
  n = math.max(1, math.floor(n / 2 ^ math.max(range.losses - 1, 0)))
  redis.call('ZREM', k.free, top[1])
  if ask.tail then
    range.stop = stop - n
    if range.stop > start then redis.call('ZADD', k.free, int(start), range_pack(range)) end
    range.start, range.stop = stop - n, stop
  else
    if start + n < stop then redis.call('ZADD', k.free, int(start + n), top[1]) end
    range.stop = start + n
  end
  return range
end

-- Push the deadline of a lease back, whose holder calls: three beats, doubled for each loss in a
-- row up to a cap. Until then it counts as live.
-- KEYS    workers
local function lease_renew(k, lease, now_ms, wall_ms)
  local plain_ms = LEASE_BEATS * lease.beat_ms
  local left_ms = math.max(plain_ms, math.min(plain_ms * 2 ^ lease.losses, LEASE_MS_MAX))
  lease.deadline_ms = now_ms + left_ms
  if left_ms > LIVE_MS then redis.call('ZADD', k.workers, ms(wall_ms + left_ms), lease.worker) end
end

-- Write a lease and its place in `deadlines`.
-- KEYS    leases deadlines
local function lease_put(k, job, token, lease)
  redis.call('HSET', k.leases, token, lease_pack(lease))
  redis.call('ZADD', k.deadlines, ms(lease.deadline_ms), lease_id_pack({job = job, token = token}))
end

-- Write a lease and its places in `deadlines` and `ends`.
-- KEYS    ends
local function lease_write(k, job, token, lease)
  local left_ms = lease.tau_ms
  if lease.rate_units_s > 0 then
    left_ms = (lease.stop - lease.start) / lease.rate_units_s * 1000
  end
  local from_ms = lease.queued and lease.begins_ms or lease.at_ms
  lease_put(k, job, token, lease)
  redis.call('ZADD', k.ends, ms(from_ms + left_ms), token)
end

-- The lease of a token; nil if there is none.
-- KEYS    leases
local function lease_read(k, token)
  local line = redis.call('HGET', k.leases, token)
  return line and lease_unpack(line) or nil
end

-- End a lease and note it in the timeline, `how` as in model.End: the one place where leases end.
-- KEYS    timeline leases ends deadlines
local function lease_end(k, job, token, lease, how, wall_ms)
  redis.call('XADD', k.timeline, 'MAXLEN', '~', TIMELINE_CHUNKS_MAX, '*', 'chunk', chunk_pack({
    worker = lease.worker, first = lease.first, stop = lease.start, lent_ms = lease.lent_ms,
    ended_ms = wall_ms, busy_ms = lease.busy_ms, how = how}))
  count(k, 'lease ' .. how, 1)
  redis.call('HDEL', k.leases, token)
  redis.call('ZREM', k.ends, token)
  redis.call('ZREM', k.deadlines, lease_id_pack({job = job, token = token}))
end

-- A worker's speed on a kernel version, the fleet's on the same, and how many workers are live.
-- KEYS    worker rate fleet
local function rates_of(k, version)
  local rate = redis.call('HGET', k.worker, 'rate:' .. version) or redis.call('GET', k.rate)
  local fleet = redis.call('HMGET', k.fleet, version, 'live')
  return {rate = tonumber(rate or 0), fleet_rate = tonumber(fleet[1] or 0),
          live_workers = tonumber(fleet[2] or 0)}
end

-- What sizes a worker's next chunk, as PACE_FIELDS of the layouts say: the rates, with how the job
-- stands now.
-- KEYS    free
local function pace_of(k, rates, unassigned)
  local low = redis.call('ZRANGE', k.free, 0, 0, 'WITHSCORES')
  local high = redis.call('ZREVRANGE', k.free, 0, 0)
  return {
    unassigned_units = unassigned, rate = rates.rate, fleet_rate = rates.fleet_rate,
    live_workers = rates.live_workers, free_start = tonumber(low[2] or 0),
    free_stop = high[1] and tonumber(string.match(high[1], '^%d+')) or 0,
  }
end

-- What a claim of n units costs its job: the seconds that the whole fleet would need for them, so
-- that jobs share the fleet's work and not only its workers, which differ in speed.
local function charge(rates, ask, n)
  local work = n * ask.unit_cost
  if rates.rate > 0 and rates.fleet_rate > 0 then
    return work / math.max(rates.fleet_rate, rates.rate)
  end
  local worker_s = rates.rate > 0 and work / rates.rate or ask.tau_ms / 1000
  return worker_s / math.max(rates.live_workers, 1)
end

-- The least virtual time of the other jobs that were served lately, without what is lent but not
-- done: with that, a new job would begin a chunk of the whole fleet behind. Nil if there is none.
-- KEYS    served runnable spent
local function least_served(k, job, now_ms)
  local least
  local lately = redis.call('ZRANGEBYSCORE', k.served, ms(now_ms - SERVED_MS), '+inf', 'LIMIT', 0,
    SERVED_MAX)
  for _, other in ipairs(lately) do
    local spent = other ~= job and redis.call('ZSCORE', k.runnable, other)
      and tonumber(redis.call('ZSCORE', k.spent, other))
    if spent and spent < (least or math.huge) then least = spent end
  end
  return least
end

-- Whether nothing of a job was lent for so long that others might give way to it.
-- KEYS    served
local function waits_for_turn(k, job, now_ms)
  local last = tonumber(redis.call('ZSCORE', k.served, job))
  return not last or last < now_ms - TURN_MS
end

-- A job's turn has come. One that was not served lately (nobody here could, or it is new) does not
-- catch up on what it missed, but for a few chunks: it goes on with those that were.
-- KEYS    served runnable spent
local function serve(k, job, now_ms, chunk_s)
  local last = tonumber(redis.call('ZSCORE', k.served, job))
  if not last or last < now_ms - SERVED_MS then
    local least = least_served(k, job, now_ms)
    least = least and least - TURNS_KEPT * chunk_s
    local missed = least and least - tonumber(redis.call('ZSCORE', k.runnable, job))
    if missed and missed > 0 then
      redis.call('ZINCRBY', k.runnable, frac(missed), job)
      redis.call('ZINCRBY', k.spent, frac(missed), job)
    end
  end
  redis.call('ZADD', k.served, ms(now_ms), job)
end

-- Take off a job's charge what a lease does not do of it after all.
-- KEYS    runnable
local function refund(k, job, lease, units)
  if redis.call('ZSCORE', k.runnable, job) then
    redis.call('ZINCRBY', k.runnable, frac(-units * lease.unit_charge_s), job)
  end
end

-- Lend a range: the one place where leases begin. `ask` is what the worker asked for, `pace` how
-- the job stands without the range. Behind a lease, it is queued. Returns a grant.
-- KEYS    runnable worker story
local function lend(k, s, job, priority, pace, ask, range, now_ms, wall_ms)
  local n, queued = range.stop - range.start, s.token ~= ''
  local charged_s = charge(pace, ask, n) / priority
  local lease = {
    start = range.start, stop = range.stop, slice_units = ask.slice_units,
    rate_units_s = pace.rate / ask.unit_cost, at_ms = now_ms, beat_ms = ask.beat_ms,
    losses = range.losses, many = range.many, loser = range.loser, session = a.session,
    worker = a.worker, tau_ms = ask.tau_ms, lent_ms = wall_ms, first = range.start,
    cut = false, busy_ms = 0, unit_charge_s = charged_s / n, queued = queued,
    begins_ms = queued and now_ms + ask.begins_in_ms or 0,
  }
  lease_renew(k, lease, now_ms, wall_ms)
  lease_write(k, job, ask.token, lease)
  serve(k, job, now_ms, charge(pace, ask, n))
  redis.call('ZINCRBY', k.runnable, frac(charged_s), job)
  local claimed = claimed_pack({start = range.start, stop = range.stop, why = ask.why})
  s.changed = true
  if queued then
    s.next_job, s.next_token = job, ask.token
    redis.call('HSET', k.worker, 'claimed', claimed)
  else
    s.job, s.token, s.alone = job, ask.token, range.losses > 0 and '1' or ''
    redis.call('HSET', k.worker, 'job', job, 'claimed', claimed)
  end
  add_to_story(k.story, 'claim', 'worker', a.worker, 'start', int(range.start),
    'stop', int(range.stop), 'why', ask.why)
  pace.job, pace.token = job, ask.token
  pace.start, pace.stop, pace.slice_units = range.start, range.stop, ask.slice_units
  pace.tau_ms, pace.beat_ms = ask.tau_ms, ask.beat_ms
  return grant_pack(pace)
end

-- KEYS    worker workers
local function seen(k, worker, wall_ms)
  redis.call('HSET', k.worker, 'seen', int(wall_ms))
  redis.call('ZADD', k.workers, ms(wall_ms + LIVE_MS), worker)
end

-- Close a job for good: only its record, sums, story and answer stay, for a time. Then come names
-- and values of the fields that say why.
-- KEYS    job runnable spent reducing served ended free leases ends pieces arrivals story sums
--         history timeline files
local function close(k, job, state, wall_ms, keep_ms, ...)
  local why = {...}
  redis.call('HSET', k.job, 'state', state, 'ended', int(wall_ms), 'unassigned', '0')
  for i = 1, #why, 2 do redis.call('HSET', k.job, 'end_' .. why[i], why[i + 1]) end
  redis.call('ZREM', k.runnable, job)
  redis.call('ZREM', k.spent, job)
  redis.call('ZREM', k.reducing, job)
  redis.call('ZREM', k.served, job)
  redis.call('ZADD', k.ended, int(wall_ms), job)
  redis.call('DEL', k.free, k.leases, k.ends, k.pieces, k.arrivals)
  if state ~= 'done' then redis.call('DEL', k.files) end
  add_to_story(k.story, state, ...)
  ring(k)
  count(k, 'job ' .. state, 1)
  for _, key in ipairs({k.job, k.sums, k.story, k.history, k.timeline, k.files}) do
    redis.call('PEXPIRE', key, keep_ms)
  end
end

-- The attempt that holds a job's reduction; nil if the job is not reducing, or none does.
-- KEYS    job
local function reduction_read(k)
  local r = hash_read(k.job, 'state', 'reduction')
  return r.state == 'reducing' and r.reduction and reduction_unpack(r.reduction) or nil
end

-- Take a reduction from its holder, and tell; others may take it at once.
-- KEYS    job reducing files story
local function reduction_end(k, job, held, why)
  redis.call('HDEL', k.job, 'reduction')
  redis.call('ZADD', k.reducing, 0, job)
  redis.call('DEL', k.files)
  add_to_story(k.story, 'reduce', 'worker', held.worker, 'why', why)
  ring(k)
end

-- Take a lease away as lost: its range is requeued with one loss more. A single unit that was lost
-- too often, by several workers (or by the only one there is), is dead and fails the job; one
-- worker alone among others must lose it more often.
-- KEYS    workers story job
local function lose(k, job, token, lease, how, why, wall_ms, keep_ms)
  local losses, loser, many = lease.losses + 1, lease.loser, lease.many
  if lease.losses == 0 then
    loser, many = lease.worker, false
  elseif loser ~= lease.worker then
    many = true
  end
  local alone = redis.call('ZCOUNT', k.workers, ms(wall_ms), '+inf') < 2
  local losses_max = (many or alone) and LOSSES_MAX or LOSSES_ALONE_MAX
  lease_end(k, job, token, lease, how, wall_ms)
  add_to_story(k.story, 'expire', 'worker', lease.worker, 'start', int(lease.start),
    'stop', int(lease.stop), 'why', why)
  if lease.stop - lease.start == 1 and losses >= losses_max then
    close(k, job, 'failed', wall_ms, keep_ms, 'unit', int(lease.start), 'losses', int(losses),
      'why', why)
    return
  end
  free_put(k, {start = lease.start, stop = lease.stop, losses = losses, many = many, loser = loser})
  refund(k, job, lease, lease.stop - lease.start)
  ring(k)
  local unassigned = tonumber(redis.call('HGET', k.job, 'unassigned'))
  redis.call('HSET', k.job, 'unassigned', int(unassigned + lease.stop - lease.start))
end

-- Give the rest of a lease back unharmed; `field` of the story says why.
-- KEYS    story job
local function give_back(k, job, token, lease, how, wall_ms, field, why)
  local n = lease.stop - lease.start
  lease_end(k, job, token, lease, how, wall_ms)
  free_put(k, lease)
  refund(k, job, lease, n)
  ring(k)
  redis.call('HINCRBY', k.job, 'unassigned', int(n))
  add_to_story(k.story, 'return', 'worker', lease.worker, 'start', int(lease.start),
    'stop', int(lease.stop), field, why)
end
