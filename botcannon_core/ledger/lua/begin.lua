-- A try of each of these begins: its number is noted, only for whoever holds the entry: a pool that has
-- lost it, or an emptied store, leaves nothing behind that nobody would forget. What is said twice after a
-- cut is said in the same order, so that the last number stands.
-- KEYS data, tries   ARGV group, consumer, then entry, number of its try, ...
local group, consumer = ARGV[1], ARGV[2]
local first, last, count = ARGV[3], ARGV[#ARGV - 1], #ARGV - 2

-- Those held from the first to the last of them, with one question; the others are asked for one by one.
local ours = {}
for _, held in ipairs(redis.call('XPENDING', KEYS[1], group, first, last, count, consumer)) do
  ours[held[1]] = true
end

local function is_ours(entry)
  if ours[entry] then return true end
  local held = redis.call('XPENDING', KEYS[1], group, entry, entry, 1)[1]
  return held and held[2] == consumer
end

local tries = {}
for i = 3, #ARGV, 2 do
  if is_ours(ARGV[i]) then
    tries[#tries + 1] = ARGV[i]
    tries[#tries + 1] = ARGV[i + 1]
  end
end
for i = 1, #tries, 2000 do redis.call('HSET', KEYS[2], unpack(tries, i, math.min(i + 1999, #tries))) end
return 1
