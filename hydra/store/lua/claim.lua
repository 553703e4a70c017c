-- claim: lease free units of one job to a session, or the far part or all of somebody's lease.
-- KEYS    session job worker story runnable session@holder
-- ARGV    now_ms# seq# session worker job version ask:ask cut:cut passed in_turn?
--         (passed: jobs that the session cannot serve, with spaces between them; in_turn: nothing
--         if another job's turn has come, by those that it could not serve at its last claim)
-- RETURNS `granted` and a grant, `empty`, `stale`, `reused` or `unknown`.
--         Only a grant is remembered, so one sequence number may try several jobs.

local s = session_read(k, 'claim')
local before = answered_before(s, a.seq, 'claim')
if before then return before[1] end
local now_ms, wall_ms = hydra_now(k)
seen(k, a.worker, wall_ms)
settle(k, s, now_ms, wall_ms)
local queued = s.token ~= ''
if not a.in_turn and a.passed ~= s.passed then redis.call('HSET', k.session, 'passed', a.passed) end
local r = hash_read(k.job, 'state', 'unassigned', 'priority')
local unassigned, rates = tonumber(r.unassigned), rates_of(k, a.version)

-- The least virtual time of the jobs that the session can serve, as far as it knows.
local function least_vtime()
  local passed = ' ' .. s.passed .. ' '
  local last_turn = passed == '  ' and 0 or PASSED_MAX
  local turns = redis.call('ZRANGE', k.runnable, 0, last_turn, 'WITHSCORES')
  for i = 1, #turns, 2 do
    local word = ' ' .. turns[i] .. ' '
    if not string.find(passed, word, 1, true) then return tonumber(turns[i + 1]) end
  end
  return math.huge
end

-- Units of somebody's lease: all of one that is queued, or the far part or all of one that has
-- begun; nil if it is not as the cut says.
local function take_far_part()
  local cut, victim = a.cut, lease_read(k, a.cut.token)
  if not victim or victim.session ~= cut.session or cut.session == a.session then return nil end
  local is_queued = redis.call('HGET', k.holder_session, 'next_token') == cut.token
  local whole = cut.at == victim.start
  if is_queued ~= cut.queued or (is_queued and not whole) then return nil end
  local range = {start = cut.at, stop = victim.stop, losses = victim.losses, many = victim.many,
                 loser = victim.loser}
  if is_queued then
    refund(k, a.job, victim, victim.stop - cut.at)
    lease_end(k, a.job, cut.token, victim, 'cut', wall_ms)
  elseif victim.start < cut.at and cut.at < victim.stop then
    refund(k, a.job, victim, victim.stop - cut.at)
    victim.stop, victim.cut = cut.at, true
    lease_write(k, a.job, cut.token, victim)
  elseif whole and victim.losses == 0 then
    -- All of it, which counts as a loss: else a unit that kills its workers would be taken for
    -- ever.
    range.losses, range.loser = 1, victim.worker
    refund(k, a.job, victim, victim.stop - cut.at)
    lease_end(k, a.job, cut.token, victim, 'cut', wall_ms)
  else
    return nil
  end
  add_to_story(k.story, 'split', 'worker', victim.worker, 'start', int(range.start),
    'stop', int(range.stop), 'why', cut.why)
  return range
end

local function take()
  if r.state ~= 'running' or s.next_token ~= '' or s.alone ~= '' then return nil end
  if a.cut then return not queued and take_far_part() end
  if a.in_turn then
    local mine = tonumber(redis.call('ZSCORE', k.runnable, a.job))
    if mine > least_vtime() + charge(rates, a.ask, a.ask.units) then return nil end
  end
  local range = free_take(k, a.ask, queued)
  if range then
    unassigned = unassigned - (range.stop - range.start)
    redis.call('HSET', k.job, 'unassigned', int(unassigned))
  end
  return range
end

local range = take()
if not range then
  if not queued then redis.call('HDEL', k.worker, 'job') end
  return 'empty'
end
local pace = pace_of(k, rates, unassigned)
local grant = lend(k, s, a.job, tonumber(r.priority), pace, a.ask, range, now_ms, wall_ms)
return reply(k, s, a.seq, 'claim', 'granted ' .. grant)
