-- A message is settled: its journal is deleted, unless it is pending still (it was not ours to settle).
-- KEYS data, journal   ARGV group, entry     Returns 1 or 0
if redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)[1] then return 0 end
return redis.call('DEL', KEYS[2])
