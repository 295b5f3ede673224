-- How far a message is: written among the taskbacks for whoever asked, in the place of its earlier note; only
-- while the message is still this consumer's, so that no note follows an outcome.
-- KEYS data, taskback   ARGV group, consumer, entry, earlier note or '', field, value, ...
-- Returns the note's entry, or '' if somebody else has the message
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)[1]
if not held or held[2] ~= ARGV[2] then return '' end
if ARGV[4] ~= '' then redis.call('XDEL', KEYS[2], ARGV[4]) end
return redis.call('XADD', KEYS[2], '*', unpack(ARGV, 5))
