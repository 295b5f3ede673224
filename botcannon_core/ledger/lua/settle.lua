-- Messages have ended: each is acknowledged, its tries forgotten, its outcome written, and if it is
-- parked the message put into `dead`; only while it is still this consumer's. The next in its lane, if one
-- waits, becomes the heir's: the same pool's, or `nobody`'s, who gives it to whichever pool looks first.
-- Returns {the entries that somebody else took over (whose outcome will count),
--          the next ones of the lanes as XCLAIM gives them}.
-- KEYS data, taskback, tries, counts, dead, lane, ...
-- ARGV group, consumer, heir, how many messages, the last one's entry, then for each message: entry,
--      outcome, the number of its lane among the keys or 0, count of words for dead, field, value, ...,
--      count of words for the taskback, field, ...
local group, consumer, heir, count, last = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local lost, following, settled, counts = {}, {}, {}, {}

-- Those held from the first to the last of them, with one question; the others are asked for one by one.
local ours = {}
for _, held in ipairs(redis.call('XPENDING', KEYS[1], group, ARGV[6], last, 2 * count, consumer)) do
  ours[held[1]] = true
end

local function is_held(entry, whose)
  local held = redis.call('XPENDING', KEYS[1], group, entry, entry, 1)[1]
  return held ~= nil and held[2] == whose
end

local function is_ours(entry)
  if ours[entry] == nil then return is_held(entry, consumer) end
  return ours[entry]
end

local function free_lane(lane, entry)
  redis.call('LREM', lane, 1, entry)
  local after = redis.call('LINDEX', lane, 0)
  if not after or not is_held(after, 'lane') then return end
  local idle = heir == 'nobody' and 86400000 or 0
  for _, one in ipairs(redis.call('XCLAIM', KEYS[1], group, heir, 0, after, 'IDLE', idle)) do
    following[#following + 1] = one
  end
end

-- Calls with `...` and all the words, as many at once as Lua can unpack.
local function call_with(words, ...)
  for i = 1, #words, 2000 do
    local some = {...}
    for j = i, math.min(i + 1999, #words) do some[#some + 1] = words[j] end
    redis.call(unpack(some))
  end
end

local at = 6
while at <= #ARGV do
  local entry, outcome, lane, dead = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), at + 4
  local taskback = dead + ARGV[at + 3] + 1
  local after = taskback + ARGV[taskback - 1]
  if is_ours(entry) then
    if taskback - 1 > dead then redis.call('XADD', KEYS[5], '*', unpack(ARGV, dead, taskback - 2)) end
    redis.call('XADD', KEYS[2], '*', unpack(ARGV, taskback, after - 1))
    ours[entry] = false -- no more, should it be said twice
    settled[#settled + 1] = entry
    counts[outcome] = (counts[outcome] or 0) + 1
    if lane > 0 then free_lane(KEYS[lane], entry) end
  else
    lost[#lost + 1] = entry
  end
  at = after
end

call_with(settled, 'XACK', KEYS[1], group)
local tries = {}
for i, entry in ipairs(settled) do tries[2 * i - 1], tries[2 * i] = entry, entry .. ':due' end
call_with(tries, 'HDEL', KEYS[3])
for outcome, number in pairs(counts) do redis.call('HINCRBY', KEYS[4], outcome, number) end
return {lost, following}
