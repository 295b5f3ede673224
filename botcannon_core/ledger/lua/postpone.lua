-- The next try of an entry is due at a time; only for whoever holds the entry, see begin.
-- KEYS data, tries   ARGV group, consumer, entry, seconds since the epoch     Returns 1 or 0
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)[1]
if not held or held[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], ARGV[3] .. ':due', ARGV[4])
return 1
