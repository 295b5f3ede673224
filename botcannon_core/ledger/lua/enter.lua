-- May this entry be run now? Only if it is first in its lane; else it waits with the consumer `lane`,
-- where it holds no lease, until whoever settles the one before it takes it along (see settle).
-- A lane is a list of entries in the order of the stream. One that is gone leaves it here.
-- KEYS data, lane   ARGV group, consumer, entry     Returns 1 or 0
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)[1]
if not held or held[2] ~= ARGV[2] then return 0 end

local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
local function is_delivered(id)
  for _, about in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local named = {}
    for i = 1, #about, 2 do named[about[i]] = about[i + 1] end
    if named.name == ARGV[1] then
      local am, as = parts(id)
      local bm, bs = parts(named['last-delivered-id'])
      return am < bm or (am == bm and as <= bs)
    end
  end
  return false
end
local function is_gone(id)
  if redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)[1] then return false end
  return #redis.call('XRANGE', KEYS[1], id, id) == 0 or is_delivered(id)
end

local first = redis.call('LINDEX', KEYS[2], 0)
while first and first ~= ARGV[3] and is_gone(first) do
  redis.call('LPOP', KEYS[2])
  first = redis.call('LINDEX', KEYS[2], 0)
end
if first == ARGV[3] then return 1 end
if not first or not redis.call('LPOS', KEYS[2], ARGV[3]) then
  redis.call('RPUSH', KEYS[2], ARGV[3]) -- it came past admission: put back by hand, or from outside
  if not first then return 1 end
end
redis.call('XCLAIM', KEYS[1], ARGV[1], 'lane', 0, ARGV[3], 'JUSTID')
return 0
