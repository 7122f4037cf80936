-- A drain signs on, looks whether it may end, or is swept for. ARGV: verb and options {dest, token, hold_ms,
-- limits, wakeup, lease_ms, pace}.

local verb, o = ARGV[1], cjson.decode(ARGV[2])
local now = now_ms()
local key = P .. 'drain:' .. o.dest

local function sign_on()
  local holder = call('GET', key)
  if holder and holder ~= 'woken' and holder ~= o.token then return 0 end
  call('DEL', P .. 'wake:' .. o.dest) -- first: a full Redis lets the rest of the script through after it
  call('SET', key, o.token, 'PX', o.hold_ms)
  return 1
end

-- 1: there is work now, stay. 0: signed off.
local function sign_off()
  if call('GET', key) ~= o.token then return 0 end
  local at = next_due(o.dest, o.limits, now)
  if at and at <= now and not o.leaving then return 1 end
  call('DEL', key)
  if at then schedule(o.dest, o.wakeup, at, now) end
  return 0
end

-- While nobody looked, as when Redis was away, nobody could be told what these wait for: perhaps it is in a spool.
local function wait_longer()
  local dest, held = P .. 'dest:' .. o.dest, P .. 'held:' .. o.dest
  local silence = tonumber(call('HGET', CLOCK, 'silence') or 0)
  local missed = silence - tonumber(call('HGET', dest, 'silence') or silence)
  call('HSET', dest, 'silence', silence)
  if missed <= 0 then return end
  local waiting = call('ZRANGE', held, 0, -1, 'WITHSCORES')
  for i = 1, #waiting, 2 do call('ZADD', held, waiting[i + 1] + missed, waiting[i]) end
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
-- Answers the time.
local function sweep()
  call('DEL', P .. 'room') -- first: a full Redis lets the rest of the script through after it
  reap(o.dest, now)
  pass_checkouts(o.dest, now)
  wait_longer()
  end_waits()
  local at = next_due(o.dest, o.limits, now)
  if at and call('EXISTS', key) == 0 then schedule(o.dest, o.wakeup, at, now) end
  return now
end

-- 1: something should have been sent for a while, and nobody drains, or nobody sweeps. Writes nothing.
local function unwoken()
  if silence() > 2 * o.patience_ms then return 1 end
  local holder = call('GET', key)
  if holder and holder ~= 'woken' then return 0 end
  local at, due = next_due(o.dest, o.limits, now)
  return at and at <= now and due < now - o.patience_ms and 1 or 0
end

if verb == 'unwoken' then return unwoken() end
if verb == 'sign_on' then return sign_on() end
if verb == 'sign_off' then return sign_off() end
return sweep()
