-- A message is done: acknowledged, its tries forgotten, its outcome written; only while it is still
-- this consumer's. Returns 1, or 0 if somebody else took it over (whose outcome will count).
-- KEYS data, taskback, tries, counts
-- ARGV group, consumer, entry, outcome, field, value, ... of the taskback
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)[1]
if not held or held[2] ~= ARGV[2] then return 0 end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[3], ARGV[3], ARGV[3] .. ':due')
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 5))
redis.call('HINCRBY', KEYS[4], ARGV[4], 1)
return 1
