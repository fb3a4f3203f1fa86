-- May one more call be sent? Asked and counted in one step, on Redis' own clock.
-- KEYS  1 window (sorted set: call -> when its slot is free, ms)   2 pause   3 day (hash: bucket -> calls)
-- ARGV  1 limit   2 window ms   3 longest call ms   4 calls a day (0: no limit)   5 call's name ("" only looks)
-- gives {verdict, ms to wait, used in window, used today}
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local limit, window, longest, daily, call = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local BUCKET, BUCKETS = 600000, 144

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local used = redis.call('ZCARD', KEYS[1])

-- The rolling day in buckets of ten minutes: a call counts for 24 hours and at most ten minutes more.
local bucket, today, oldest = math.floor(now / BUCKET), 0, nil
local day = redis.call('HGETALL', KEYS[3])
for i = 1, #day, 2 do
  local at = tonumber(day[i])
  if at < bucket - BUCKETS then
    redis.call('HDEL', KEYS[3], day[i])
  else
    today = today + tonumber(day[i + 1])
    if not oldest or at < oldest then oldest = at end
  end
end

local pause = redis.call('PTTL', KEYS[2])
if pause == -1 then pause = 60000 end -- set by hand without an end: until it is deleted
if pause > 0 then return {'paused', pause, used, today} end
if daily > 0 and today >= daily then
  return {'spent', (oldest + BUCKETS + 1) * BUCKET - now, used, today}
end
if used >= limit then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return {'wait', math.max(1, tonumber(first[2]) - now), used, today}
end
if call ~= '' then
  -- Until it has ended, a call may still reach Spotify: its slot is free one window after it could last have ended.
  redis.call('ZADD', KEYS[1], now + longest + window, call)
  redis.call('PEXPIRE', KEYS[1], longest + window + 1000)
  redis.call('HINCRBY', KEYS[3], bucket, 1)
  redis.call('PEXPIRE', KEYS[3], (BUCKETS + 2) * BUCKET)
  used, today = used + 1, today + 1
end
return {'granted', 0, used, today}
