-- Rings bells of one kind. A bell that is there already keeps the earlier of the two times.
-- KEYS: the installation key, the queue, its wake list.
-- ARGV: installation id, life of a body (ms), then the bells in one argument, which costs the sender less than thousands:
-- a line each for arq job id, priority, due (ms, 0 = now) and body.
local STEP, SOON, TOKENS = 1e9, 1000, 64

local owner = redis.call('GET', KEYS[1])
if not owner then
  redis.call('SET', KEYS[1], ARGV[1])
elseif owner ~= ARGV[1] then
  return redis.error_reply('FOREIGN this Redis belongs to installation ' .. owner)
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local life, soonest, scores = tonumber(ARGV[2]), nil, {}

for id, priority, wanted, body in ARGV[3]:gmatch('([^\n]+)\n([^\n]+)\n([^\n]+)\n([^\n]+)\n') do
  local due = math.max(now, tonumber(wanted))
  redis.call('SET', 'arq:job:' .. id, body, 'PX', life + due - now)
  scores[#scores + 1] = due > now and due or now - (priority + 101) * STEP
  scores[#scores + 1] = id
  soonest = math.min(soonest or due, due)
end
redis.call('ZADD', KEYS[2], 'LT', unpack(scores))
if soonest <= now + SOON and redis.call('LLEN', KEYS[3]) < TOKENS then redis.call('LPUSH', KEYS[3], 1) end
return #scores / 2
