-- A 429: stop every worker before its next call. A later, smaller pause never shortens an earlier, longer one.
-- KEYS  1 pause   2 state
-- ARGV  1 kind   2 ms that Spotify said, -1 where it said nothing usable   3 call   4 jitter, a share
-- gives the ms that are left of the pause
local kind, said, call = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local margin = tonumber(redis.call('HGET', KEYS[2], 'margin') or 1000)
if redis.call('HGET', KEYS[2], 'probe') == call then -- the call after the last pause: that was too early
  margin = math.min(margin * 2, 60000)
  redis.call('HSET', KEYS[2], 'margin', margin)
end
if said < 0 then -- 30 s, doubling to 15 minutes
  said = math.min(30000 * 2 ^ (redis.call('HINCRBY', KEYS[2], 'unknown', 1) - 1), 900000)
end
redis.call('HSET', KEYS[2], 'probe', 'due')
local left = redis.call('PTTL', KEYS[1])
local ms = math.floor(said + margin + said * tonumber(ARGV[4]))
if left == -1 or left >= ms then return left end
redis.call('SET', KEYS[1], kind, 'PX', ms)
return ms
