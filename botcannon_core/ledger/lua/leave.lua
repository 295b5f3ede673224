-- A consumer ends: what it still holds may be taken by anybody at once, and its name is forgotten.
-- Entries go to the consumer `nobody`, idle for a day, so that every pool's next look finds them.
-- KEYS data   ARGV group, consumer
local given = 0
while true do
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 500, ARGV[2])
  if #held == 0 then break end
  for _, entry in ipairs(held) do
    redis.call('XCLAIM', KEYS[1], ARGV[1], 'nobody', 0, entry[1], 'IDLE', 86400000, 'JUSTID')
    given = given + 1
  end
end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return given
