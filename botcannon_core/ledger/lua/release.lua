-- Give a lease up, if it is still held by who says so.
-- KEYS lease   ARGV who held it
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
