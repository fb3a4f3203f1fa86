-- May one more call be sent? Asked and counted in one step, on Redis' own clock.
-- KEYS  1 window (sorted set: call -> when its slot is free, ms)   2 pause   3 day (hash: bucket -> calls)
--       4 state (hash)   5 waiting (hash: call -> "since seen bulk")
-- ARGV  1 limit   2 window ms   3 longest call ms   4 calls a day (0: no limit)   5 call's name ("" only looks)
--       6 bulk (1 or 0)   7 handicap in the order, ms   8 the epoch that the caller knows
-- gives {verdict, ms to wait, used in window, used today, limit now, daily limit now, epoch, pause's kind, now, review due}
local BUCKET, BUCKETS = 600000, 144
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local limit, window, longest, daily = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local call, bulk, handicap = ARGV[5], ARGV[6] == '1', tonumber(ARGV[7])

local known = redis.call('HMGET', KEYS[4], 'epoch', 'limit', 'daily', 'probe', 'probe_until', 'opened_at', 'peak', 'reviewed_at')
local epoch, probe, opened_at, peak = known[1], known[4], tonumber(known[6] or 0), tonumber(known[7] or 0)
if not epoch then return {'lost', 0, 0, 0, limit, daily, '', '', now, 0} end
if epoch ~= ARGV[8] then return {'changed', 0, 0, 0, limit, daily, epoch, '', now, 0} end
-- What was found (budget.py) can only lower the settings.
limit = math.min(limit, tonumber(known[2]) or limit)
if daily > 0 then daily = math.min(daily, tonumber(known[3]) or daily) end
local working = limit
-- After a pause the window opens to a quarter and grows to the whole within one window.
local opening = now - opened_at < window
if opening then limit = math.max(1, math.floor(limit * (0.25 + 0.75 * (now - opened_at) / window))) end
-- Bulk work leaves a fifth of the window and of the day to people.
local bulk_share = math.max(1, math.floor(limit * 0.8))
local share, day_share = limit, daily
if bulk then share, day_share = bulk_share, math.floor(daily * 0.8) end

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local used = redis.call('ZCARD', KEYS[1])

-- The rolling day in buckets of ten minutes: a call counts for 24 hours and at most ten minutes more.
local bucket, today, days = math.floor(now / BUCKET), 0, {}
local day = redis.call('HGETALL', KEYS[3])
for i = 1, #day, 2 do
  local at = tonumber(day[i])
  if at < bucket - BUCKETS then
    redis.call('HDEL', KEYS[3], day[i])
  else
    today = today + tonumber(day[i + 1])
    days[#days + 1] = {at, tonumber(day[i + 1])}
  end
end

local function answer(verdict, ms, kind)
  local due = (now - tonumber(known[8] or 0) >= window) and 1 or 0
  return {verdict, math.ceil(ms), used, today, limit, daily, epoch, kind or '', now, due}
end

local pause = redis.call('PTTL', KEYS[2])
if pause == -1 then pause = 60000 end -- set by hand without an end: until it is deleted
if pause > 0 then return answer('paused', pause, redis.call('GET', KEYS[2])) end
if daily > 0 and today >= day_share then
  -- Until so many of the oldest calls are a day old that one more fits.
  table.sort(days, function(a, b) return a[1] < b[1] end)
  local left, ms = today - day_share + 1, BUCKET
  for _, one in ipairs(days) do
    ms, left = (one[1] + BUCKETS + 1) * BUCKET - now, left - one[2]
    if left <= 0 then break end
  end
  return answer('spent', ms)
end

-- Who came earlier goes first; bulk work comes later by its handicap, and so its turn comes in the end.
-- Who has not asked for three seconds has gone.
local mine, people, bulks = now + handicap, 0, 0
local others = {}
local waiting = redis.call('HGETALL', KEYS[5])
for i = 1, #waiting, 2 do
  local since, seen, heavy = string.match(waiting[i + 1], '^(%d+) (%d+) (%d)$')
  if waiting[i] == call then
    mine = math.min(mine, tonumber(since))
  elseif now - tonumber(seen) > 3000 then
    redis.call('HDEL', KEYS[5], waiting[i])
  else
    others[#others + 1] = {tonumber(since), heavy}
  end
end
for _, other in ipairs(others) do
  if other[1] < mine then
    if other[2] == '1' then bulks = bulks + 1 else people = people + 1 end
  end
end
if not bulk then -- bulk work that may not go now holds nobody up
  bulks = math.min(bulks, math.max(0, bulk_share - used))
end

local function wait(ms)
  if call ~= '' then
    redis.call('HSET', KEYS[5], call, string.format('%.0f %.0f %d', mine, now, bulk and 1 or 0))
    redis.call('PEXPIRE', KEYS[5], 60000)
  end
  return answer('wait', ms)
end

if used >= share then
  local first = redis.call('ZRANGE', KEYS[1], used - share, used - share, 'WITHSCORES')
  local ms = math.max(1, tonumber(first[2]) - now)
  if opening then ms = math.min(ms, math.max(1, window / math.max(1, working))) end
  return wait(ms)
end
if share - used <= people + bulks then return wait(20) end
local probing = probe and probe ~= ''
if probing and probe ~= 'due' and probe ~= call and now < tonumber(known[5] or 0) then return wait(20) end
if call ~= '' then
  if probing then redis.call('HSET', KEYS[4], 'probe', call, 'probe_until', now + longest) end
  -- Until it has ended, a call may still reach Spotify: its slot is free one window after it could last have ended.
  redis.call('ZADD', KEYS[1], now + longest + window, call)
  redis.call('PEXPIRE', KEYS[1], longest + window + 1000)
  redis.call('HINCRBY', KEYS[3], bucket, 1)
  redis.call('PEXPIRE', KEYS[3], (BUCKETS + 2) * BUCKET)
  redis.call('HDEL', KEYS[5], call)
  used, today = used + 1, today + 1
  if used > peak then redis.call('HSET', KEYS[4], 'peak', used) end
end
return answer('granted', 0)
