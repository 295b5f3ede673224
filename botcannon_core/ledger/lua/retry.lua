-- Put what lies in `dead` back: a message to work, with its first id kept; a taskback that nobody could
-- take to the taskbacks, marked. Returns its new entry, or false.
-- KEYS data, dead, taskback, counts   ARGV id in dead
local entry = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])[1]
if not entry then return false end
local fields = entry[2]
local is_taskback = false
for i = 1, #fields, 2 do
  if fields[i] == '_what' and fields[i + 1] == 'taskback' then is_taskback = true end
end

-- of botcannon's own fields, which stay and under what name: the others tell of the failure
local kept = {_from = '_from', _id = '_id'}
if is_taskback then
  kept._outcome, kept._empty, kept._same = '_outcome', '_empty', '_same'
  kept._own_error, kept._own_error_id = '_error', '_error_id'
end

local words = {}
for i = 1, #fields, 2 do
  local name = fields[i]
  if string.sub(name, 1, 1) == '_' then name = kept[name] end
  if name then
    words[#words + 1] = name
    words[#words + 1] = fields[i + 1]
  end
end
local id
if is_taskback then
  id = redis.call('XADD', KEYS[3], '*', '_again', '1', unpack(words))
else
  id = redis.call('XADD', KEYS[1], '*', unpack(words))
  redis.call('HINCRBY', KEYS[4], 'retried', 1)
end
redis.call('XDEL', KEYS[2], ARGV[1])
return id
