-- A call has ended. Its slot is free one window from now.
-- KEYS  1 window   2 pause   3 state
-- ARGV  1 call   2 window ms   3 outcome: answered, refused or failed   4 failures that open the breaker   5 its pause, ms
-- gives {now, 1 where the breaker opened}
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local call, window, outcome = ARGV[1], tonumber(ARGV[2]), ARGV[3]
-- Also where the slot is gone: an emptied Redis must count the calls that are under way.
redis.call('ZADD', KEYS[1], now + window, call)
if redis.call('PTTL', KEYS[1]) < window + 1000 then redis.call('PEXPIRE', KEYS[1], window + 1000) end

local probed = redis.call('HGET', KEYS[3], 'probe') == call
if outcome == 'answered' then
  if probed then
    redis.call('HDEL', KEYS[3], 'probe', 'probe_until', 'margin', 'unknown')
    redis.call('HSET', KEYS[3], 'opened_at', now)
  end
  redis.call('HDEL', KEYS[3], 'failures', 'failing_since')
elseif outcome == 'failed' then
  if probed then redis.call('HSET', KEYS[3], 'probe', 'due') end
  local since = tonumber(redis.call('HGET', KEYS[3], 'failing_since') or 0)
  if now - since > 60000 and not probed then redis.call('HSET', KEYS[3], 'failing_since', now, 'failures', 0) end
  if redis.call('HINCRBY', KEYS[3], 'failures', 1) >= tonumber(ARGV[4]) then
    -- One more failure, of the probe, opens it again.
    redis.call('HSET', KEYS[3], 'failures', tonumber(ARGV[4]) - 1, 'probe', 'due')
    if redis.call('PTTL', KEYS[2]) < 0 and redis.call('EXISTS', KEYS[2]) == 0 then
      redis.call('SET', KEYS[2], 'outage', 'PX', ARGV[5])
      return {now, 1}
    end
  end
end
return {now, 0}
