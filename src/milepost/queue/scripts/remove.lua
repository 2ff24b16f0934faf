-- Removes bells that are done with, and their bodies.
-- KEYS: the queue. ARGV: arq job ids, parted by NUL: one long argument costs the sender less than thousands.
local MOST = 3000
local ids, bodies = {}, {}

local function remove()
  if #ids > 0 then
    redis.call('ZREM', KEYS[1], unpack(ids))
    redis.call('UNLINK', unpack(bodies))
    ids, bodies = {}, {}
  end
end

for id in ARGV[1]:gmatch('[^%z]+') do
  ids[#ids + 1], bodies[#bodies + 1] = id, 'arq:job:' .. id
  if #ids == MOST then remove() end
end
remove()
return 1
