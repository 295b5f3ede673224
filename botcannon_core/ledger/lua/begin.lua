-- A try of each of these begins: its number is noted, only for whoever holds the entry: a pool that has
-- lost it, or an emptied store, leaves nothing behind that nobody would forget. What is said twice after a
-- cut is said in the same order, so that the last number stands.
-- KEYS data, tries   ARGV group, consumer, then entry, number of its try, ...
for i = 3, #ARGV, 2 do
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)[1]
  if held and held[2] == ARGV[2] then redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
return 1
