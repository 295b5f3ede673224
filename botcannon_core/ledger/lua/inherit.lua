-- One of many intakes is dead: answers that were its own and did not reach it are written again, for
-- the caller, marked; its group is forgotten. Returns how many there were.
-- KEYS taskback, heirs   ARGV group prefix, the dead, the caller
local dead = ARGV[1] .. ARGV[2]
local last
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local about = {}
  for i = 1, #group, 2 do about[group[i]] = group[i + 1] end
  if about.name == dead then last = about['last-delivered-id'] end
end
if not last then return 0 end

local given = 0
local function give(entry)
  local fields = entry[2]
  if not fields then return end
  local mine = redis.call('HGET', KEYS[2], entry[1]) == ARGV[2]
  for i = 1, #fields, 2 do
    if fields[i] == '_from' then
      mine = mine or fields[i + 1] == ARGV[2]
      fields[i + 1] = ARGV[3]
    end
  end
  if mine then
    redis.call('XADD', KEYS[1], '*', '_again', '1', unpack(fields))
    given = given + 1
  end
end

local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
for _, held in ipairs(redis.call('XPENDING', KEYS[1], dead, '-', '+', 100000)) do
  local entry = redis.call('XRANGE', KEYS[1], held[1], held[1])[1]
  if entry then give(entry) end
end
local from = '(' .. last
while newest do
  local unread = redis.call('XRANGE', KEYS[1], from, newest[1], 'COUNT', 500)
  for _, entry in ipairs(unread) do give(entry) end
  if #unread < 500 then break end
  from = '(' .. unread[#unread][1]
end
redis.call('XGROUP', 'DESTROY', KEYS[1], dead)
return given
