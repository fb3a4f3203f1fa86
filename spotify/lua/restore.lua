-- Redis was emptied: put back what the database remembers. Only the first who comes does.
-- KEYS  1 window   2 pause   3 day   4 state
-- ARGV  1 new epoch   2 budget (JSON)   3 limit   4 daily limit   5 pause's end, ms (0: none)   6 pause's kind
--       7 number of slots, then each: call, free at (ms);  then the day: bucket, calls ...
if redis.call('HEXISTS', KEYS[4], 'epoch') == 1 then return 0 end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HSET', KEYS[4], 'epoch', ARGV[1], 'budget', ARGV[2], 'limit', ARGV[3], 'daily', ARGV[4], 'reviewed_at', now)
local left = tonumber(ARGV[5]) - now
if left > 0 and redis.call('PTTL', KEYS[2]) < left and redis.call('PTTL', KEYS[2]) ~= -1 then
  redis.call('SET', KEYS[2], ARGV[6], 'PX', math.floor(left))
end
if left > 0 then redis.call('HSET', KEYS[4], 'probe', 'due') end
local slots, last = tonumber(ARGV[7]), now
for i = 8, 7 + 2 * slots, 2 do
  redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i])
  last = math.max(last, tonumber(ARGV[i + 1]))
end
if slots > 0 then redis.call('PEXPIRE', KEYS[1], last - now + 1000) end
for i = 8 + 2 * slots, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[3], 146 * 600000)
return 1
