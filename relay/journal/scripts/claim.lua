-- Leases lane heads that are due, as many as `want` and the budget allow.
-- ARGV: options {dest, want, lease_ms, token, hold_ms, limits}.
-- Answers {now, next due or -1, state, relays}; state is "run", "lost" (another drain took over) or "paused".

local o = cjson.decode(ARGV[1])
local now = now_ms()

local holder = call('GET', P .. 'drain:' .. o.dest)
if holder and holder ~= o.token and holder ~= 'woken' then return {now, -1, 'lost', {}} end
call('DEL', P .. 'drain:' .. o.dest) -- first: a full Redis lets the rest of the script through after it
call('SET', P .. 'drain:' .. o.dest, o.token, 'PX', o.hold_ms)
reap(o.dest, now)
pass_checkouts(o.dest, now)

-- An endpoint on trial after a pause sends one relay, and no other until that one is accepted.
local function allowed(endpoint, want)
  if paused(o.dest, endpoint) then return 0 end
  local lane = call('HGET', P .. 'dest:' .. o.dest, 'trial:' .. endpoint)
  if not lane then return want end
  return call('ZSCORE', P .. 'leased:' .. o.dest, lane) and 0 or 1
end

-- Live lanes, by due time; behind them backfill, of which no more is taken than its slots of the next moment.
local AHEAD = 50

local function due_lanes(want, class)
  local found = {}
  for _, e in ipairs(ENDPOINTS) do
    local key = P .. 'ready:' .. o.dest .. ':' .. e .. class
    local most = allowed(e, want)
    if most > 0 then
      local page = call('ZRANGEBYSCORE', key, '-inf', now, 'WITHSCORES', 'LIMIT', 0, most)
      for i = 1, #page, 2 do found[#found + 1] = {page[i], tonumber(page[i + 1]), key, e} end
    end
  end
  table.sort(found, function(a, b) return a[2] < b[2] end)
  return found
end

local function backfill_want(want, leased)
  local space = backfill_space(o.limits)
  if space == 0 then return want - leased end
  if backfill_slot(o.limits) > now then return 0 end
  return math.min(math.min(want, (backfill_budget(now, o.limits))) - leased, 1 + math.floor(AHEAD / space))
end

local function books_with(source, books)
  local found = {}
  if books then
    for _, name in ipairs(cjson.decode(books)) do
      local primary = find_book(source, name)
      if primary then
        found[#found + 1] = {primary, call('HGETALL', P .. 'o:' .. source .. ':' .. primary)}
      end
    end
  end
  return found
end

-- Of those that were lost with a worker twice, one at a time: the one that kills workers is to take no other along.
local SUSPECT, NEXT_SUSPECT = 2, 200

local function may_be_tried(id, lane)
  if tonumber(get(id, 'lost')[1] or 0) < SUSPECT then return true end
  local tried = call('HGET', P .. 'dest:' .. o.dest, 'suspect')
  if tried and call('ZSCORE', P .. 'leased:' .. o.dest, tried) then return false end
  call('HSET', P .. 'dest:' .. o.dest, 'suspect', lane)
  return true
end

local function lease(lane, key, endpoint)
  local id = call('ZRANGE', P .. 'lane:' .. o.dest .. ':' .. lane, 0, 0)[1]
  if id and not may_be_tried(id, lane) then
    call('ZADD', key, now + NEXT_SUSPECT, lane)
    return nil
  end
  if call('HEXISTS', P .. 'dest:' .. o.dest, 'trial:' .. endpoint) == 1 then
    call('HSET', P .. 'dest:' .. o.dest, 'trial:' .. endpoint, lane)
  end
  call('ZREM', key, lane)
  if not id then return nil end
  local token = call('INCR', P .. 'fence')
  call('ZADD', P .. 'leased:' .. o.dest, now + o.lease_ms, lane)
  call('HSET', P .. 'leaseholder:' .. o.dest, lane, id)
  call('HSET', P .. 'r:' .. id, 'token', token)
  local r = get(id, 'source', 'books', 'person')
  local last = r[3] and call('GET', P .. 'c:' .. r[1] .. ':' .. r[3]) or ''
  return {id, token, lane, call('HGETALL', P .. 'r:' .. id), call('GET', P .. 'b:' .. id) or '',
    books_with(r[1], r[2]), call('HGET', P .. 'src:' .. r[1], 'first') or '', last}
end

local relays = {}
local state = 'run'
if paused(o.dest, 'all') then
  state = 'paused'
elseif tonumber(call('HGET', P .. 'dest:' .. o.dest, 'not_before') or 0) <= now then
  local room = budget(P .. 'budget:' .. o.limits.key, now, o.limits.minute, o.limits.second)
  local want = math.min(o.want, room)
  local function take(most, class)
    for _, found in ipairs(due_lanes(most, class)) do
      if most < 1 then return end
      relays[#relays + 1] = lease(found[1], found[3], found[4])
      most = most - 1
    end
  end
  if want > 0 then take(want, '') end
  local left = backfill_want(want, #relays)
  if left > 0 then take(left, BACKFILL) end
end
return {now, next_due(o.dest, o.limits, now) or -1, state, relays}
