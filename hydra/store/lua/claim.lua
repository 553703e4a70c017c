-- claim: lease free units of one job to a session, or the far part or all of somebody's lease.
-- KEYS    clock session job free leases ends deadlines runnable worker workers rate fleet story
--         timeline tally
-- ARGV    now seq session worker job version
--         token units tau_ms beat_ms slice why unit_cost tail cut_token cut_at cut_why
-- RETURNS `granted ...` (see lend), `empty`, `stale`, `reused` or `unknown`
--         Only a grant is remembered, so one sequence number may try several jobs.
local k = {clock = KEYS[1], session = KEYS[2], job = KEYS[3], free = KEYS[4], leases = KEYS[5],
           ends = KEYS[6], deadlines = KEYS[7], runnable = KEYS[8], worker = KEYS[9],
           workers = KEYS[10], rate = KEYS[11], fleet = KEYS[12], story = KEYS[13],
           timeline = KEYS[14], tally = KEYS[15]}
local seq, job = tonumber(ARGV[2]), ARGV[5]
local who = {session = ARGV[3], worker = ARGV[4]}
local ask = {version = ARGV[6], token = ARGV[7], units = tonumber(ARGV[8]),
             tau = tonumber(ARGV[9]), beat = tonumber(ARGV[10]), slice = tonumber(ARGV[11]),
             why = ARGV[12], cost = tonumber(ARGV[13]), tail = ARGV[14] ~= ''}
local cut_token, cut_at, cut_why = ARGV[15], tonumber(ARGV[16]), ARGV[17]

local before = heard_before(k.session, seq, 'claim')
if before then return before[1] end
local now, wall = hydra_now(k.clock, ARGV[1])
seen(k, who.worker, wall)
local held = redis.call('HMGET', k.session, 'job', 'token')
local holds = held[1] and redis.call('ZSCORE', k.deadlines, held[1] .. ' ' .. held[2])
local r = redis.call('HMGET', k.job, 'state', 'unassigned', 'priority')
if r[1] ~= 'running' or holds then
  redis.call('HDEL', k.worker, 'job')
  return 'empty'
end
local j = {unassigned = tonumber(r[2]), priority = tonumber(r[3])}

local range
if cut_token ~= '' then
  local text = redis.call('HGET', k.leases, cut_token)
  local victim = text and lease_read(text)
  local theirs = victim and victim.session ~= who.session
  if theirs and victim.start < cut_at and cut_at < victim.stop then
    range = {start = cut_at, stop = victim.stop, losses = victim.losses, many = victim.many,
             loser = victim.loser}
    victim.stop, victim.cut = cut_at, '1'
    lease_write(k, job, cut_token, victim)
  elseif theirs and victim.start == cut_at and victim.losses == 0 then
    -- All of it, which counts as a loss: else a unit that kills who takes it would go round.
    range = {start = cut_at, stop = victim.stop, losses = 1, many = '0', loser = victim.worker}
    lease_end(k, job, cut_token, victim, 'cut', wall)
  end
  if range then
    tell(k.story, 'split', victim.worker .. ' gives up units ' .. int(cut_at) .. '..'
      .. int(range.stop) .. ': ' .. cut_why)
  end
else
  range = free_take(k.free, ask)
  if range then
    j.unassigned = j.unassigned - (range.stop - range.start)
    redis.call('HSET', k.job, 'unassigned', int(j.unassigned))
  end
end
if not range then
  redis.call('HDEL', k.worker, 'job')
  return 'empty'
end
return reply(k.session, seq, 'claim', lend(k, who, job, j, ask, range, now, wall))
