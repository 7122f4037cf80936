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

-- The host's time, the journal's by it, when somebody last compared the two, and the latest known to have been.
local function clocks()
  local host, clock = host_ms(), call('HMGET', CLOCK, 'by', 'since', 'seen', 'used')
  local seen = tonumber(clock[3] or 0)
  return host, host + ahead_ms(host, clock[1], clock[2]), seen, math.max(seen, tonumber(clock[4] or 0))
end

local function now_ms()
  local _, now, _, known = clocks()
  return math.max(now, known)
end

-- Says that something is written down for now. Else what is written while the clock is ahead for a moment, in which
-- nobody compares, would come an hour later.
local said = false

local function use_now()
  if said then return end
  said = true
  local _, now, _, known = clocks()
  if now > known + 1000 then call('HSET', CLOCK, 'used', now) end
end

-- For how long nobody compared the clocks.
local function silence()
  local _, now, seen, known = clocks()
  return seen > 0 and math.max(now, known) - seen or 0
end

-- Compares the clocks, every few seconds. Answers for how long nobody did.
local function look_at_clock()
  local host, now, seen, known = clocks()
  if now < known - 1000 then
    call('HSET', CLOCK, 'by', known - host, 'since', host)
  elseif now == host then
    call('HDEL', CLOCK, 'by', 'since')
  end
  now = math.max(now, known)
  call('HSET', CLOCK, 'seen', now)
  return seen > 0 and now - seen or 0
end

local function get(id, ...)
  return call('HMGET', P .. 'r:' .. id, ...)
end
