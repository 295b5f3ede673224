-- A message cannot be done: it goes to `dead`, and whoever asked is told; fenced like settle.
-- KEYS data, taskback, tries, counts, dead   ARGV group, consumer, entry, count of words for dead,
--      field, value, ... of the dead entry, then field, value, ... of the taskback
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)[1]
if not held or held[2] ~= ARGV[2] then return 0 end
local words = tonumber(ARGV[4])
redis.call('XADD', KEYS[5], '*', unpack(ARGV, 5, 4 + words))
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 5 + words))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[3], ARGV[3], ARGV[3] .. ':due')
redis.call('HINCRBY', KEYS[4], 'parked', 1)
return 1
