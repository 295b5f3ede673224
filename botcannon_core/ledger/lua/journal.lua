-- What a run of several steps has come to, kept from one try of its message to the next. Each try first
-- loads what is there, and with that it alone may write; only for whoever holds the entry, so that a
-- worker whose message somebody else has taken over cannot put down anything. A record has its number, so
-- that it is there once however often it is said.
-- KEYS data, journal   ARGV group, consumer, entry, try, then number, record, ... or nothing to load
-- Returns the records in order, or 1 when they are written, or false if this try may not
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)[1]
if not held or held[2] ~= ARGV[2] then return false end
local try = ARGV[3] .. ' ' .. ARGV[2] .. ' ' .. ARGV[4]
if #ARGV > 4 then
  if redis.call('HGET', KEYS[2], 'try') ~= try then return false end
  redis.call('HSET', KEYS[2], unpack(ARGV, 5))
  return 1
end
redis.call('HSET', KEYS[2], 'try', try)
local records = {}
for number = 1, redis.call('HLEN', KEYS[2]) - 1 do
  records[number] = redis.call('HGET', KEYS[2], number)
end
return records
