-- What every script starts with. KEYS[1] is the prefix with the hash tag; all keys start with it.
-- Written for Redis 6.2. Times are milliseconds (`now_ms` of clock.lua).

local P = KEYS[1]
local call = redis.call

local function get(id, ...)
  return call('HMGET', P .. 'r:' .. id, ...)
end
