-- Forget settled entries beyond what is kept; never one that a group has not read or acknowledged.
-- KEYS stream   ARGV entries to keep, id before which entries are too old, most to look at, a group
--      without which nothing is settled (it may be missing for a moment in an emptied store), or ''
-- Returns how many were forgotten. An id is compared as its two numbers.
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-?(%d*)$')
  return tonumber(ms), tonumber(seq) or 0
end
local function lower(a, b)
  local am, as = parts(a)
  local bm, bs = parts(b)
  if am < bm or (am == bm and as < bs) then return a end
  return b
end
local function higher(a, b) return lower(a, b) == a and b or a end

local length = redis.call('XLEN', KEYS[1])
if length == 0 then return 0 end

local from = ARGV[2]
local excess = length - tonumber(ARGV[1])
if excess > 0 then
  local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', math.min(excess + 1, tonumber(ARGV[3])))
  from = higher(from, oldest[#oldest][1])
end
local is_read = ARGV[4] == ''
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local about = {}
  for i = 1, #group, 2 do about[group[i]] = group[i + 1] end
  is_read = is_read or about.name == ARGV[4]
  local pending = redis.call('XPENDING', KEYS[1], about.name)
  if pending[1] > 0 then
    from = lower(from, pending[2])
  else
    local unread = redis.call('XRANGE', KEYS[1], '(' .. about['last-delivered-id'], '+', 'COUNT', 1)[1]
    if unread then from = lower(from, unread[1]) end
  end
end
if not is_read then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', from)
