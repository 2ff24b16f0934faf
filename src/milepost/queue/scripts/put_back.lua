-- Puts bells back until their time. Never at once: a Redis clock ahead of the database's would make a busy loop.
-- KEYS: the queue. ARGV: per bell: arq job id, due (ms).
local PAUSE = 200
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], math.max(now + PAUSE, tonumber(ARGV[i + 1])), ARGV[i])
end
return now
