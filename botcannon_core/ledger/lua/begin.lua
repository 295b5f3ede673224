-- A try begins: its number is noted, once however often this is said, and only for whoever holds the
-- entry: a pool that has lost it, or an emptied store, leaves nothing behind that nobody would forget.
-- KEYS data, tries   ARGV group, consumer, entry, number of the try     Returns 1 or 0
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)[1]
if not held or held[2] ~= ARGV[2] then return 0 end
if tonumber(ARGV[4]) > tonumber(redis.call('HGET', KEYS[2], ARGV[3]) or 0) then
  redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
end
return 1
