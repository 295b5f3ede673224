-- The backlog is counted, not measured; if everything is settled, what the counts say is set right.
-- They go wrong when entries are added or deleted by hand. As long as the group is missing (nobody has
-- read yet, or the store was emptied) all that there is waits for it.
-- KEYS data, counts   ARGV group
local is_read = false
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
for _, about in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local named = {}
  for i = 1, #about, 2 do named[about[i]] = about[i + 1] end
  if named.name == ARGV[1] then
    is_read = true
    if named.pending > 0 then return 0 end
    if newest and #redis.call('XRANGE', KEYS[1], '(' .. named['last-delivered-id'], '+', 'COUNT', 1) > 0 then
      return 0
    end
  end
end
if newest and not is_read then return 0 end
local count = redis.call('HMGET', KEYS[2], 'stored', 'retried', 'done', 'skipped', 'parked', 'lost')
local sum = 0
for i, sign in ipairs({1, 1, -1, -1, -1, -1}) do sum = sum + sign * (count[i] or 0) end
if sum ~= 0 then redis.call('HINCRBY', KEYS[2], 'lost', sum) end
return sum
