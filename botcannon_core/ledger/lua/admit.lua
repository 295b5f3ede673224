-- Store messages, each once, in the order of their numbers, if there is room and their value is new.
--
-- A line that was cut says its messages again, together as they were: what became of each batch is
-- remembered under its first number, in one of as many slots as there may be unanswered messages, and
-- `last` is the highest number dealt with. A number beyond the next one waits for an earlier one that was
-- refused. (One below, and not known, was overtaken because the store was emptied meanwhile.)
--
-- KEYS data, admitted, counts, taskback, dead, log, then those that messages name: unique values, lanes
-- ARGV number of the first, slots, ms to remember, most unsettled (0: any), when full, ms in which a
--      value is new, group, lines of log, then for each message: which key is its unique value's and which its lane's
--      (0: none), count of words, field, value, ...
-- Returns status, id, status, id, ...: 'stored' | 'repeat' | 'full' | 'later'
local first, most, group = tonumber(ARGV[1]), tonumber(ARGV[4]), ARGV[7]
local slot = first % tonumber(ARGV[2])
local last = tonumber(redis.call('HGET', KEYS[2], 'last') or first - 1)
local answers, dealt_with, stored, repeats, backlog = {}, 0, 0, 0, nil

local function answer(status, id)
  answers[#answers + 1] = status
  answers[#answers + 1] = id
end

local function remembered()
  local before = redis.call('HGET', KEYS[2], slot)
  if not before or string.match(before, '^%d+') ~= ARGV[1] then return end
  for status, id in string.gmatch(before, ' (%a+) (%S+)') do
    answer(status, id)
    dealt_with = dealt_with + 1
  end
end

local function unsettled()
  if backlog then return backlog + stored end
  local count = redis.call('HMGET', KEYS[3], 'stored', 'retried', 'done', 'skipped', 'parked', 'lost')
  backlog = 0
  for i, sign in ipairs({1, 1, -1, -1, -1, -1}) do backlog = backlog + sign * (count[i] or 0) end
  return backlog + stored
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
  local why = 'dropped: the backlog was full'
  local id, error_id = entry[1], string.sub(redis.sha1hex(KEYS[1] .. entry[1]), 1, 6)
  local words = {'_outcome', 'parked', '_error', why, '_error_id', error_id}
  for i = 1, #entry[2], 2 do
    if entry[2][i] == '_id' then id = entry[2][i + 1] else
      words[#words + 1] = entry[2][i]
      words[#words + 1] = entry[2][i + 1]
    end
  end
  redis.call('XADD', KEYS[4], '*', '_id', id, unpack(words))
  redis.call('XADD', KEYS[5], '*', '_id', id, unpack(words))
  redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[8], '*', 'part', 'intake', 'level', 'error', 'text',
    '[' .. error_id .. '] message ' .. id .. ': ' .. why, 'error_id', error_id)
  redis.call('XDEL', KEYS[1], entry[1])
  redis.call('HINCRBY', KEYS[3], 'parked', 1)
  backlog = backlog - 1
end

local function store(unique, lane, from, to)
  local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, from, to))
  if unique > 0 then redis.call('SET', KEYS[unique], id, 'PX', ARGV[6]) end
  if lane > 0 then redis.call('RPUSH', KEYS[lane], id) end
  stored = stored + 1
  return id
end

local function admit(number, unique, lane, from, to)
  if number > last + 1 then return answer('later', '') end
  local seen = unique > 0 and redis.call('GET', KEYS[unique])
  if not seen and most > 0 and unsettled() >= most then
    if ARGV[5] ~= 'drop-oldest' then return answer('full', '') end
    drop_oldest()
  end
  if seen then repeats = repeats + 1 end
  answer(seen and 'repeat' or 'stored', seen or store(unique, lane, from, to))
  last = math.max(last, number)
  dealt_with = dealt_with + 1
end

remembered()
local at, number = 9, first
while at <= #ARGV do
  local after = at + 3 + ARGV[at + 2]
  if 2 * (number - first) >= #answers then
    admit(number, tonumber(ARGV[at]), tonumber(ARGV[at + 1]), at + 3, after - 1)
  end
  at, number = after, number + 1
end

if stored > 0 then redis.call('HINCRBY', KEYS[3], 'stored', stored) end
if repeats > 0 then redis.call('HINCRBY', KEYS[3], 'repeats', repeats) end
local known = table.concat(answers, ' ', 1, 2 * dealt_with)
redis.call('HSET', KEYS[2], 'last', last, slot, ARGV[1] .. ' ' .. known)
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return answers
