-- expire: end a lease whose deadline has passed and requeue its span, for new claims.
-- FLAGS   allow-oom
-- KEYS    job deadlines session
-- ARGV    now_ms# job token session why keep_ms
--         (session: of the holder, as the caller read it)
-- RETURNS 1 if it ended the lease, 0 if not, -1 if the holder is another: look again

local now_ms, wall_ms = hydra_now(k)
local lease = lease_read(k, a.token)
if redis.call('HGET', k.job, 'state') ~= 'running' or not lease then
  redis.call('ZREM', k.deadlines, lease_id_pack({job = a.job, token = a.token}))
  return 0
end
if lease.deadline_ms > now_ms then return 0 end
if lease.session ~= a.session then return -1 end
if redis.call('HGET', k.session, 'next_token') == a.token then -- its holder had not begun it
  give_back(k, a.job, a.token, lease, 'expire', wall_ms, 'unbegun', a.why)
else
  lose(k, a.job, a.token, lease, 'expire', a.why, wall_ms, a.keep_ms)
end
return 1
