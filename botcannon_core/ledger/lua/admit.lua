-- Store a message once, even if its intake says it twice because the line was cut.
-- KEYS data, admitted, counts   ARGV number, window in numbers, milliseconds to remember, field, value, ...
-- `admitted` belongs to one life of one intake: number -> id, for as many as may be unanswered.
local before = redis.call('HGET', KEYS[2], ARGV[1])
if before then return before end
local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 4))
redis.call('HSET', KEYS[2], ARGV[1], id)
redis.call('HDEL', KEYS[2], ARGV[1] - ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('HINCRBY', KEYS[3], 'stored', 1)
return id
