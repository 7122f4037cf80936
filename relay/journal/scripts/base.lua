-- What every script starts with. KEYS[1] is the prefix with the hash tag; all keys start with it.
-- Written for Redis 6.2. Times are milliseconds.

local P = KEYS[1]
local call = redis.call

-- Redis's host may set its clock back (clock.lua tells it). The journal's goes on from where it was, by a
-- twentieth slower until the host's has come up with it: what was due stays due, and no budget waits for an hour
-- to come round again.
local CLOCK, SLOWER = P .. 'clock', 20
local host_ms = now_ms

local function now_ms()
  local host = host_ms()
  local ahead = call('HMGET', CLOCK, 'by', 'since')
  if not ahead[1] then return host end
  return host + math.max(0, ahead[1] - math.floor(math.max(0, host - ahead[2]) / SLOWER))
end

-- Compares the clocks, every few seconds. Answers for how long nobody did.
local function look_at_clock()
  local host, now, seen = host_ms(), now_ms(), tonumber(call('HGET', CLOCK, 'seen'))
  call('HSET', CLOCK, 'seen', math.max(now, seen or 0))
  if not seen then return 0 end
  if now < seen - 1000 then
    call('HSET', CLOCK, 'by', seen - host, 'since', host)
  elseif host == now or host > seen + 60000 then -- the second: it had been set back by mistake
    call('HDEL', CLOCK, 'by', 'since')
  end
  return now - seen
end

local function get(id, ...)
  return call('HMGET', P .. 'r:' .. id, ...)
end
