-- Takes due bells of several kinds, highest priority first: each is pushed `hold` ms ahead, so that a crash brings it back.
-- KEYS: the installation key, then a queue and its wake list per kind.
-- ARGV: installation id, slots, hold (ms).
-- Answer: now (ms), the next due time (ms, -1 = none, 0 = some were left behind), then the ids taken per kind.
local STEP, PROMOTED = 1e9, 1000

local owner = redis.call('GET', KEYS[1])
if not owner then
  redis.call('SET', KEYS[1], ARGV[1])
elseif owner ~= ARGV[1] then
  return redis.error_reply('FOREIGN this Redis belongs to installation ' .. owner)
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local slots, hold = tonumber(ARGV[2]), tonumber(ARGV[3])

-- A bell that waited for its time has the time itself as score; once due it takes its place among the ready ones.
local function promote(queue)
  local ripe = redis.call('ZRANGE', queue, '(' .. string.format('%d', now - STEP / 2), now,
    'BYSCORE', 'LIMIT', 0, PROMOTED, 'WITHSCORES')
  local scores = {}
  for i = 1, #ripe, 2 do
    local priority = tonumber(ripe[i]:match('^[^:]+:[%x-]+:%d+:(-?%d+)$')) or 0
    priority = math.max(-100, math.min(100, priority))
    scores[i], scores[i + 1] = ripe[i + 1] - (priority + 101) * STEP, ripe[i]
  end
  if #scores > 0 then redis.call('ZADD', queue, unpack(scores)) end
end

local function move(queue, ids, score)
  local pairs_ = {}
  for i, id in ipairs(ids) do pairs_[2 * i - 1], pairs_[2 * i] = score, id end
  if #ids > 0 then redis.call('ZADD', queue, unpack(pairs_)) end
end

-- Without those a stock arq worker has in progress; these are moved out of the way, or they would hide what is behind them.
local function untouched(queue, ids)
  local marks = {}
  for i, id in ipairs(ids) do marks[i] = 'arq:in-progress:' .. id end
  if redis.call('EXISTS', unpack(marks)) == 0 then return ids end
  local free, busy = {}, {}
  for i, id in ipairs(ids) do
    local side = redis.call('EXISTS', marks[i]) == 0 and free or busy
    side[#side + 1] = id
  end
  move(queue, busy, now + hold)
  return free
end

local candidates, taken, hungry, soonest = {}, {}, 0, -1
local kinds = (#KEYS - 1) / 2
for k = 1, kinds do
  local queue = KEYS[2 * k]
  candidates[k], taken[k] = {}, 0
  local head = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  if head[1] and tonumber(head[2]) <= now then
    promote(queue)
    candidates[k] = untouched(queue, redis.call('ZRANGE', queue, '-inf', now, 'BYSCORE', 'LIMIT', 0, slots + 1))
    if #candidates[k] > 0 then hungry = hungry + 1 end
  elseif head[1] and (soonest < 0 or tonumber(head[2]) < soonest) then
    soonest = tonumber(head[2])
  end
end

-- Every kind gets an equal share; what one leaves goes to the others.
local left = slots
while left > 0 and hungry > 0 do
  local share = math.max(1, math.floor(left / hungry))
  hungry = 0
  for k = 1, kinds do
    local more = math.min(share, left, #candidates[k] - taken[k])
    taken[k], left = taken[k] + more, left - more
    if taken[k] < #candidates[k] then hungry = hungry + 1 end
  end
end

local answer = { now, soonest }
for k = 1, kinds do
  local queue, wake, ids = KEYS[2 * k], KEYS[2 * k + 1], {}
  for i = 1, taken[k] do ids[i] = candidates[k][i] end
  move(queue, ids, now + hold)
  answer[k + 2] = ids
  if #candidates[k] > taken[k] then
    answer[2] = 0
    if redis.call('LLEN', wake) == 0 then redis.call('LPUSH', wake, 1) end
  elseif taken[k] > 0 then
    redis.call('DEL', wake)
    local head = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
    local due = tonumber(head[2])
    if due <= now then answer[2] = 0 elseif answer[2] < 0 or due < answer[2] then answer[2] = due end
  end
end
return answer
