-- A message is done: acknowledged, its tries forgotten, its outcome written; only while it is still
-- this consumer's. Returns 1, or 0 if somebody else took it over (whose outcome will count).
-- KEYS data, taskback, tries   ARGV group, consumer, entry, field, value, ... of the taskback
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)[1]
if not held or held[2] ~= ARGV[2] then return 0 end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[3], ARGV[3])
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
return 1
