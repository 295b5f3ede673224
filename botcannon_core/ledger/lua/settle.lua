-- A message has ended: acknowledged, its tries forgotten, its outcome written, and if it is parked the
-- message put into `dead`; only while it is still this consumer's. The next in its lane, if one waits,
-- becomes the heir's: the same pool's, or `nobody`'s, who gives it to whichever pool looks first.
-- Returns {1, the next in the lane as XCLAIM gives it}, or {0, {}} if somebody else took the message
-- over (whose outcome will count).
-- KEYS data, taskback, tries, counts, dead, lane
-- ARGV group, consumer, entry, outcome, heir or '' for no lane, count of words for dead,
--      field, value, ... of the dead entry, then field, value, ... of the taskback
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)[1]
if not held or held[2] ~= ARGV[2] then return {0, {}} end
local words = tonumber(ARGV[6])
if words > 0 then redis.call('XADD', KEYS[5], '*', unpack(ARGV, 7, 6 + words)) end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 7 + words))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[3], ARGV[3], ARGV[3] .. ':due')
redis.call('HINCRBY', KEYS[4], ARGV[4], 1)
if ARGV[5] == '' then return {1, {}} end

redis.call('LREM', KEYS[6], 1, ARGV[3])
local after = redis.call('LINDEX', KEYS[6], 0)
local waits = after and redis.call('XPENDING', KEYS[1], ARGV[1], after, after, 1)[1]
if not waits or waits[2] ~= 'lane' then return {1, {}} end
local idle = ARGV[5] == 'nobody' and 86400000 or 0
return {1, redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[5], 0, after, 'IDLE', idle)}
