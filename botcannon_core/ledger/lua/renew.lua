-- Say that these entries are being worked on. Returns those that are no longer this consumer's: a
-- blind XCLAIM would steal them back from their new owner.
-- KEYS data   ARGV group, consumer, entry, ...
local lost = {}
for i = 3, #ARGV do
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)[1]
  if held and held[2] == ARGV[2] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
