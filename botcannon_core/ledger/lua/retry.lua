-- Put a parked message back to work, with its first id kept. Returns its new entry, or false.
-- KEYS data, dead   ARGV id in dead
local entry = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])[1]
if not entry then return false end
local words = {}
local fields = entry[2]
for i = 1, #fields, 2 do
  local name = fields[i]
  if string.sub(name, 1, 1) ~= '_' or name == '_from' or name == '_id' or name == '_trace' then
    words[#words + 1] = name
    words[#words + 1] = fields[i + 1]
  end
end
local id = redis.call('XADD', KEYS[1], '*', unpack(words))
redis.call('XDEL', KEYS[2], ARGV[1])
return id
