-- beat: renew the leases that a worker names, and show that it lives.
-- KEYS    session leases leases@next deadlines workers runnable fleet
-- ARGV    now_ms# session worker job token next next_token
--         (job and token, next and next_token: two leases, or empty)
-- RETURNS a standing, or `unknown`

local s = session_read(k, 'claim')
if not s.seq then return 'unknown' end
local now_ms, wall_ms = hydra_now(k)
seen(k, a.worker, wall_ms)
redis.call('PEXPIRE', k.session, SESSION_TTL_MS)
settle(k, s, now_ms, wall_ms)

-- What is left of a lease, renewed; nothing, as 0 to 0, if it is not the session's any more.
local function renew(leases, job, token)
  if token == '' then return 0, 0 end
  local of = {leases = leases, deadlines = k.deadlines, workers = k.workers}
  local lease = lease_read(of, token)
  if not lease then
    drop(k, s, token, now_ms, wall_ms) -- its job has ended
    return 0, 0
  end
  if lease.session ~= a.session then return 0, 0 end
  lease_renew(of, lease, now_ms, wall_ms)
  lease_put(of, job, token, lease)
  return lease.start, lease.stop
end

-- The first job that waits for its turn longer than that of the session's older lease.
local function turn_before()
  local mine = s.job ~= '' and tonumber(redis.call('ZSCORE', k.runnable, s.job))
  if not mine then return '' end
  local passed = ' ' .. s.passed .. ' '
  local turns = redis.call('ZRANGE', k.runnable, 0, PASSED_MAX, 'WITHSCORES')
  for i = 1, #turns, 2 do
    local job, vtime = turns[i], tonumber(turns[i + 1])
    if vtime > mine then return '' end
    if job ~= s.job and not string.find(passed, ' ' .. job .. ' ', 1, true)
        and waits_for_turn(k, job, now_ms) then
      return job
    end
  end
  return ''
end

local standing = {}
standing.start, standing.stop = renew(k.leases, a.job, a.token)
standing.next_start, standing.next_stop = renew(k.next_leases, a.next, a.next_token)
places_write(k, s)
standing.live_workers = tonumber(redis.call('HGET', k.fleet, 'live') or 0)
standing.turn = turn_before()
return standing_pack(standing)
