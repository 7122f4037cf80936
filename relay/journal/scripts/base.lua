-- What every script starts with. KEYS[1] is the prefix with the hash tag; all keys start with it.
-- Written for Redis 6.2. Times are milliseconds.

local P = KEYS[1]
local call = redis.call

-- Redis's host may set its clock back (clock.lua tells it). The journal's goes on from where it was, by a
-- twentieth slower until the host's has come up with it: what was due stays due, and no budget waits for an hour
-- to come round again.
local CLOCK, SLOWER = P .. 'clock', 20
local host_ms = now_ms

local function ahead_ms(host, by, since)
  return by and math.max(0, by - math.floor(math.max(0, host - since) / SLOWER)) or 0
end

local function now_ms()
  local host, clock = host_ms(), call('HMGET', CLOCK, 'by', 'since', 'seen')
  return math.max(host + ahead_ms(host, clock[1], clock[2]), tonumber(clock[3] or 0))
end

-- For how long nobody compared the clocks.
local function silence()
  local seen = call('HGET', CLOCK, 'seen')
  return seen and now_ms() - seen or 0
end

-- Compares the clocks, every few seconds. Answers for how long nobody did.
local function look_at_clock()
  local host, clock = host_ms(), call('HMGET', CLOCK, 'by', 'since', 'seen')
  local now, seen = host + ahead_ms(host, clock[1], clock[2]), tonumber(clock[3] or 0)
  if now < seen - 1000 then
    call('HSET', CLOCK, 'by', seen - host, 'since', host)
  elseif now == host then
    call('HDEL', CLOCK, 'by', 'since')
  end
  call('HSET', CLOCK, 'seen', math.max(now, seen))
  return seen > 0 and math.max(0, now - seen) or 0
end

local function get(id, ...)
  return call('HMGET', P .. 'r:' .. id, ...)
end
