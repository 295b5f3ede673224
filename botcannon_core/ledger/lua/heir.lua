-- Whose is an answer that nobody alive asked for? Of many intakes, each of which reads every answer,
-- the first to ask gets it. Returns 1 if it is the caller's.
-- KEYS taskback, heirs   ARGV group prefix, who asked for it, entry, the caller
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  for i = 1, #group, 2 do
    if group[i] == 'name' and group[i + 1] == ARGV[1] .. ARGV[2] then return 0 end
  end
end
redis.call('HSETNX', KEYS[2], ARGV[3], ARGV[4])
return redis.call('HGET', KEYS[2], ARGV[3]) == ARGV[4] and 1 or 0
