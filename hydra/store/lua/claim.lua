-- claim: lease free units of one job to a session, or the far part or all of somebody's lease.
-- KEYS    session deadlines job worker story
-- ARGV    now_ms# seq# session worker job version ask:ask cut:cut passed
--         (passed: jobs that the session cannot serve, with spaces between them)
-- RETURNS `granted` and a grant, `empty`, `stale`, `reused` or `unknown`.
--         Only a grant is remembered, so one sequence number may try several jobs.

local before = answered_before(k, a.seq, 'claim')
if before then return before[1] end
local now_ms, wall_ms = hydra_now(k)
seen(k, a.worker, wall_ms)
redis.call('HSET', k.session, 'passed', a.passed)
local s = hash_read(k.session, 'job', 'token')
local held = s.job ~= '' and lease_id_pack(s)
local holds = held and redis.call('ZSCORE', k.deadlines, held)
local r = hash_read(k.job, 'state', 'unassigned', 'priority')
if r.state ~= 'running' or holds then
  redis.call('HDEL', k.worker, 'job')
  return 'empty'
end
local unassigned = tonumber(r.unassigned)

local range
if a.cut then
  local cut, victim = a.cut, lease_read(k, a.cut.token)
  local theirs = victim and victim.session ~= a.session
  if theirs and victim.start < cut.at and cut.at < victim.stop then
    range = {start = cut.at, stop = victim.stop, losses = victim.losses, many = victim.many,
             loser = victim.loser}
    refund(k, a.job, victim, victim.stop - cut.at)
    victim.stop, victim.cut = cut.at, true
    lease_write(k, a.job, cut.token, victim)
  elseif theirs and victim.start == cut.at and victim.losses == 0 then
    -- All of it, which counts as a loss: else a unit that kills its workers would be taken for
    -- ever.
    range = {start = cut.at, stop = victim.stop, losses = 1, many = false, loser = victim.worker}
    refund(k, a.job, victim, victim.stop - cut.at)
    lease_end(k, a.job, cut.token, victim, 'cut', wall_ms)
  end
  if range then
    add_to_story(k.story, 'split', 'worker', victim.worker, 'start', int(range.start),
      'stop', int(range.stop), 'why', cut.why)
  end
else
  range = free_take(k, a.ask)
  if range then
    unassigned = unassigned - (range.stop - range.start)
    redis.call('HSET', k.job, 'unassigned', int(unassigned))
  end
end
if not range then
  redis.call('HDEL', k.worker, 'job')
  return 'empty'
end
local pace = pace_of(k, rates_of(k, a.version), unassigned)
local grant = lend(k, a.job, tonumber(r.priority), pace, a.ask, range, now_ms, wall_ms)
return reply(k, a.seq, 'claim', 'granted ' .. grant)
