-- Somebody wants what they asked before this entry ended. Marked for the pools, which look (see cancels.py);
-- of several wishes the latest counts. Returns 1 if there is, or was, anything to end: a message of theirs
-- that a pool holds, or one that was ended because of this very wish or a later one.
-- KEYS data, mark, ended   ARGV group, entry, ms to remember, field, value, ... that tell who it is
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-?(%d*)$')
  return tonumber(ms), tonumber(seq) or 0
end
local function is_before(a, b)
  local am, as = parts(a)
  local bm, bs = parts(b)
  return am < bm or (am == bm and as < bs)
end
local function is_theirs(words)
  local has = {}
  for i = 1, #words, 2 do has[words[i]] = words[i + 1] end
  for i = 4, #ARGV, 2 do
    if (has[ARGV[i]] or '') ~= ARGV[i + 1] then return false end
  end
  return true
end

local marked = redis.call('GET', KEYS[2])
if not marked or is_before(marked, ARGV[2]) then redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
local ended = redis.call('GET', KEYS[3])
if ended and not is_before(ended, ARGV[2]) then return 1 end
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000)
if pending.err then return 0 end -- no pool has ever read
for _, held in ipairs(pending) do
  if not is_before(held[1], ARGV[2]) then return 0 end
  local entry = redis.call('XRANGE', KEYS[1], held[1], held[1])[1]
  if entry and is_theirs(entry[2]) then return 1 end
end
return 0
