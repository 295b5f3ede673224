-- Take over up to `count` entries, oldest first, of a consumer that is known to be dead, and forget
-- the consumer once it has none. Returns the entries as XREADGROUP gives them.
-- KEYS data   ARGV group, consumer, the dead one, count
local held = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[4], ARGV[3])
if #held == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[3])
  return {}
end
local ids = {}
for i, entry in ipairs(held) do ids[i] = entry[1] end
return redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(ids))
