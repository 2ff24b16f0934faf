-- Rings bells of one kind. A bell that is there already keeps the earlier of the two times.
-- KEYS: the installation key, the queue, its wake list.
-- ARGV: installation id, life of a body (ms), the kind, then the bells in one argument, which costs the sender less than
-- thousands: a line each for arq job id and due (ms, 0 = now). What is no bell is passed over. Answers how many were rung.
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
-- arq's serialized job, which the id says whole: nothing that the pattern below takes needs quoting in JSON
local head, rung = '{"t":null,"f":"' .. ARGV[3] .. '","a":["', '],"k":{},"et":' .. string.format('%d', now) .. '}'

for id, tenant, job, version, priority, wanted in ARGV[4]:gmatch('(([%w_-]+):([%x-]+):(%d+):(-?%d+))\n(-?%d+)\n') do
  local due = math.max(now, tonumber(wanted))
  redis.call('SET', 'arq:job:' .. id, head .. tenant .. '","' .. job .. '",' .. version .. rung, 'PX', life + due - now)
  scores[#scores + 1] = due > now and due or now - (priority + 101) * STEP
  scores[#scores + 1] = id
  soonest = math.min(soonest or due, due)
end
if not soonest then return 0 end
redis.call('ZADD', KEYS[2], 'LT', unpack(scores))
if soonest <= now + SOON and redis.call('LLEN', KEYS[3]) < TOKENS then redis.call('LPUSH', KEYS[3], 1) end
return #scores / 2
