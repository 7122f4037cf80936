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

-- While nobody looked, as when Redis was away, nobody could be told what a relay waits for: perhaps it is in a spool.
-- By so much it waits longer, which is seen when its wait ends: there may be any number of them.
local function missed(id)
  local silence = silences()
  local told = tonumber(get(id, 'silence')[1] or silence)
  call('HSET', P .. 'r:' .. id, 'silence', silence)
  return silence - told
end

local function end_wait(id)
  local r = get(id, 'endpoint', 'lane')
  call('ZREM', P .. 'held:' .. o.dest, id)
  call('HSET', P .. 'r:' .. id, 'waited', 1)
  move(id, 'queued', '')
  enter(id, o.dest, r[2], r[1], now)
end

local function end_waits()
  local held = P .. 'held:' .. o.dest
  local ended = call('ZRANGEBYSCORE', held, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 200)
  for i = 1, #ended, 2 do
    local id, ends = ended[i], ended[i + 1] + missed(ended[i])
    if ends > now then call('ZADD', held, ends, id) else end_wait(id) end
  end
end

-- Whatever fell between: ended leases and waits, due work that nobody was woken for.
-- Answers the time.
local function sweep()
  call('DEL', P .. 'room') -- first: a full Redis lets the rest of the script through after it
  reap(o.dest, now)
  pass_checkouts(o.dest, now)
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
