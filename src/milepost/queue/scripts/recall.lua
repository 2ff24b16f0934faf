-- Notes that Redis has all bells of a scope, but only if it forgot nothing since the walk began.
-- KEYS: the hash of notes. ARGV: scope, the walk's token, the note.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
