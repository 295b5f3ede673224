-- Messages have ended: each is acknowledged, its tries forgotten, its outcome written, and if it is
-- parked the message put into `dead`; only while it is still this consumer's. The next in its lane, if one
-- waits, becomes the heir's: the same pool's, or `nobody`'s, who gives it to whichever pool looks first.
-- Returns {the entries that somebody else took over (whose outcome will count),
--          the next ones of the lanes as XCLAIM gives them}.
-- KEYS data, taskback, tries, counts, dead, lane, ...
-- ARGV group, consumer, heir, then for each message: entry, outcome, the number of its lane among the
--      keys or 0, count of words for dead, field, value, ..., count of words for the taskback, field, ...
local group, consumer, heir = ARGV[1], ARGV[2], ARGV[3]
local lost, following, settled, counts = {}, {}, {}, {}

local function is_ours(entry, whose)
  local held = redis.call('XPENDING', KEYS[1], group, entry, entry, 1)[1]
  return held and held[2] == whose
end

local function free_lane(lane, entry)
  redis.call('LREM', lane, 1, entry)
  local after = redis.call('LINDEX', lane, 0)
  if not after or not is_ours(after, 'lane') then return end
  local idle = heir == 'nobody' and 86400000 or 0
  for _, one in ipairs(redis.call('XCLAIM', KEYS[1], group, heir, 0, after, 'IDLE', idle)) do
    following[#following + 1] = one
  end
end

local at = 4
while at <= #ARGV do
  local entry, outcome, lane, dead = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), at + 4
  local taskback = dead + ARGV[at + 3] + 1
  local after = taskback + ARGV[taskback - 1]
  if is_ours(entry, consumer) then
    if taskback - 1 > dead then redis.call('XADD', KEYS[5], '*', unpack(ARGV, dead, taskback - 2)) end
    redis.call('XADD', KEYS[2], '*', unpack(ARGV, taskback, after - 1))
    redis.call('XACK', KEYS[1], group, entry)
    settled[#settled + 1] = entry
    counts[outcome] = (counts[outcome] or 0) + 1
    if lane > 0 then free_lane(KEYS[lane], entry) end
  else
    lost[#lost + 1] = entry
  end
  at = after
end

for _, entry in ipairs(settled) do redis.call('HDEL', KEYS[3], entry, entry .. ':due') end
for outcome, count in pairs(counts) do redis.call('HINCRBY', KEYS[4], outcome, count) end
return {lost, following}
