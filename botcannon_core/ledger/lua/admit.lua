-- Store a message once, in the order of its numbers, if there is room and its value is new.
--
-- A line that was cut says its messages again, so each number of a life is stored once: `admitted`
-- holds number -> answer for as many as may be unanswered, and `last`, the highest number dealt with. A
-- number beyond the next one waits for an earlier one that was refused. (One below, and not known, was
-- overtaken because the store was emptied meanwhile.)
--
-- KEYS data, admitted, counts, taskback, dead, unique value, lane
-- ARGV number, window in numbers, ms to remember, most unsettled (0: any), when full, ms in which a
--      value is new (0: not asked), 1 if there is a lane, group, field, value, ...
-- Returns {'stored' | 'repeat' | 'full' | 'later', id}
local number, group = tonumber(ARGV[1]), ARGV[8]
local before = redis.call('HGET', KEYS[2], ARGV[1])
if before then return {string.match(before, '^(%a+) (.*)$')} end
local last = tonumber(redis.call('HGET', KEYS[2], 'last') or number - 1)
if number > last + 1 then return {'later', ''} end

local function dealt_with(status, id)
  redis.call('HSET', KEYS[2], ARGV[1], status .. ' ' .. id, 'last', math.max(last, number))
  redis.call('HDEL', KEYS[2], number - ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  return {status, id}
end

local function unsettled()
  local count = redis.call('HMGET', KEYS[3], 'stored', 'retried', 'done', 'skipped', 'parked', 'lost')
  local sum = 0
  for i, sign in ipairs({1, 1, -1, -1, -1, -1}) do sum = sum + sign * (count[i] or 0) end
  return sum
end

-- The oldest one that nobody has begun gives way; whoever asked for it is told.
local function drop_oldest()
  local from = '-'
  for _, about in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local named = {}
    for i = 1, #about, 2 do named[about[i]] = about[i + 1] end
    if named.name == group then from = '(' .. named['last-delivered-id'] end
  end
  local entry = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 1)[1]
  if not entry then return end
  local words = {'_outcome', 'parked', '_error', 'dropped: the backlog was full', '_error_id', 'full'}
  local id = entry[1]
  for i = 1, #entry[2], 2 do
    if entry[2][i] == '_id' then id = entry[2][i + 1] else
      words[#words + 1] = entry[2][i]
      words[#words + 1] = entry[2][i + 1]
    end
  end
  redis.call('XADD', KEYS[4], '*', '_id', id, unpack(words))
  redis.call('XADD', KEYS[5], '*', '_id', id, unpack(words))
  redis.call('XDEL', KEYS[1], entry[1])
  redis.call('HINCRBY', KEYS[3], 'parked', 1)
end

if tonumber(ARGV[6]) > 0 then
  local first = redis.call('GET', KEYS[6])
  if first then return dealt_with('repeat', first) end
end
local most = tonumber(ARGV[4])
if most > 0 and unsettled() >= most then
  if ARGV[5] ~= 'drop-oldest' then
    redis.call('HSET', KEYS[2], 'last', last)
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
    return {'full', ''}
  end
  drop_oldest()
end
local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 9))
redis.call('HINCRBY', KEYS[3], 'stored', 1)
if tonumber(ARGV[6]) > 0 then redis.call('SET', KEYS[6], id, 'PX', ARGV[6]) end
if ARGV[7] == '1' then redis.call('RPUSH', KEYS[7], id) end
return dealt_with('stored', id)
