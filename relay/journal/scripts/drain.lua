-- A drain signs on, looks whether it may end, or is swept for. ARGV: verb and options {dest, token, hold_ms,
-- limits, wakeup}.

local verb, o = ARGV[1], cjson.decode(ARGV[2])
local now = now_ms()
local key = P .. 'drain:' .. o.dest

local function sign_on()
  local holder = call('GET', key)
  if holder and holder ~= 'woken' then return 0 end
  call('SET', key, o.token, 'PX', o.hold_ms)
  call('DEL', P .. 'wake:' .. o.dest)
  return 1
end

-- The next drain is an entry in the job queue for the moment something is due.
local function schedule(at)
  local planned = tonumber(call('GET', P .. 'at:' .. o.dest) or 0)
  if planned > now and planned <= at then return end
  call('SET', P .. 'at:' .. o.dest, at, 'PX', math.floor(at - now + 1000))
  enqueue(o.dest, o.wakeup, at, now)
end

-- 1: there is work now, stay. 0: signed off.
local function sign_off()
  if call('GET', key) ~= o.token then return 0 end
  local at = next_due(o.dest, o.limits, now)
  if at and at <= now and not o.leaving then return 1 end
  call('DEL', key)
  if at and at <= now then wake(o.dest, o.wakeup, now) elseif at then schedule(at) end
  return 0
end

local function end_waits()
  local ended = call('ZRANGEBYSCORE', P .. 'held:' .. o.dest, '-inf', now, 'LIMIT', 0, 200)
  for _, id in ipairs(ended) do
    local r = get(id, 'endpoint', 'lane')
    call('ZREM', P .. 'held:' .. o.dest, id)
    call('HSET', P .. 'r:' .. id, 'waited', 1)
    move(id, 'queued', '')
    enter(id, o.dest, r[2], r[1], now)
  end
end

-- Whatever fell between: ended leases and waits, due work that nobody was woken for.
local function sweep()
  reap(o.dest, now)
  end_waits()
  local at = next_due(o.dest, o.limits, now)
  if not at then return 0 end
  if call('EXISTS', key) == 0 then
    if at <= now then wake(o.dest, o.wakeup, now) else schedule(at) end
  end
  return 1
end

if verb == 'sign_on' then return sign_on() end
if verb == 'sign_off' then return sign_off() end
return sweep()
