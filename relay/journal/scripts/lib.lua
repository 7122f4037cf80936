-- What the scripts share.

local ENDPOINTS = {'orders', 'checkouts', 'products', 'stock', 'events'}
local ACTIVE = {queued = true, retrying = true}
local BACKFILL = ':backfill'
local CLASSES = {'', BACKFILL} -- live goes first
local LOST_LEASES = 5

local SETTLED = {delivered = true, ignored = true, discarded = true}

-- Retention goes by receipt. What is settled when it has passed that by already is remembered apart.
local function keep_in_mind(id, source, status)
  local kept = call('GET', P .. 'kept:' .. source .. ':' .. status)
  if kept and kept >= id then call('ZADD', P .. 'late:' .. source .. ':' .. status, now_ms(), id) end
end

local function move(id, to, reason)
  local r = get(id, 'source', 'dest', 'endpoint', 'status')
  if r[4] ~= to then
    call('ZREM', P .. 'i:' .. r[1] .. ':' .. r[4], id)
    call('ZADD', P .. 'i:' .. r[1] .. ':' .. to, 0, id)
    call('HINCRBY', P .. 'n', r[1] .. ':' .. r[4], -1)
    call('HINCRBY', P .. 'n', r[1] .. ':' .. to, 1)
    if ACTIVE[r[4]] then call('HINCRBY', P .. 'active', r[2] .. ':' .. r[3] .. ':' .. r[4], -1) end
    if ACTIVE[to] then call('HINCRBY', P .. 'active', r[2] .. ':' .. r[3] .. ':' .. to, 1) end
    if r[4] == 'dead' then unfile(id) end
    if SETTLED[to] then keep_in_mind(id, r[1], to) end
    if to == 'dead' or to == 'delivered' then tally(r[1], to, now_ms()) end
  end
  if reason and reason ~= '' then
    call('HSET', P .. 'r:' .. id, 'status', to, 'reason', reason, 'changed', now_ms())
  else
    call('HSET', P .. 'r:' .. id, 'status', to, 'changed', now_ms())
    call('HDEL', P .. 'r:' .. id, 'reason')
  end
end

local function note(id, entry)
  call('RPUSH', P .. 'h:' .. id, entry)
  call('LTRIM', P .. 'h:' .. id, -100, -1)
end

local function paused(dest, endpoint)
  return call('HEXISTS', P .. 'dest:' .. dest, 'paused:' .. endpoint) == 1
end

-- Lanes -------------------------------------------------------------------------------------------------

-- A lane of nothing but backfill waits behind the live ones; one live relay among its first makes it live.
local function class_of(key)
  for _, id in ipairs(call('ZRANGE', key, 0, 9)) do
    if call('HEXISTS', P .. 'r:' .. id, 'backfill') == 0 then return '' end
  end
  return BACKFILL
end

-- A checkout never blocks an order: while checkouts are paused, those in front of a lane go behind what is in it.
local PASSED = 20

local function head_of(dest, key)
  for _ = 1, PASSED do
    local head = call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if not head[1] or head[2] ~= '0' or get(head[1], 'endpoint')[1] ~= 'checkouts' then return head[1] end
    if not paused(dest, 'checkouts') or call('ZCARD', key) == 1 then return head[1] end
    call('ZADD', key, 1, head[1])
  end
  return call('ZRANGE', key, 0, 0)[1]
end

-- The lane is ready when its head is due; a leased lane is placed again when the lease ends.
local function place(dest, lane)
  if call('ZSCORE', P .. 'leased:' .. dest, lane) then return end
  local key = P .. 'lane:' .. dest .. ':' .. lane
  local head = head_of(dest, key)
  local due, endpoint, class
  if head then
    local h = get(head, 'due', 'endpoint')
    due, endpoint, class = h[1] or 0, h[2], class_of(key)
  end
  for _, e in ipairs(ENDPOINTS) do
    for _, c in ipairs(CLASSES) do
      if e ~= endpoint or c ~= class then call('ZREM', P .. 'ready:' .. dest .. ':' .. e .. c, lane) end
    end
  end
  if head then call('ZADD', P .. 'ready:' .. dest .. ':' .. endpoint .. class, due, lane) end
end

-- An order's own lane is its customer's as soon as that is known.
local function lane_by_now(id, lane)
  if string.sub(lane, 1, 2) ~= 'o:' then return lane end
  local source, books = books_of(id)
  local customer = books[1] and call('HGET', P .. 'o:' .. source .. ':' .. books[1], 'lane')
  if not customer then return lane end
  call('HSET', P .. 'r:' .. id, 'lane', customer)
  return customer
end

-- Ids sort by receipt, so whatever enters late still takes its place by receipt.
local function enter(id, dest, lane, endpoint, due)
  lane = lane_by_now(id, lane)
  local key = P .. 'lane:' .. dest .. ':' .. lane
  call('HSET', P .. 'r:' .. id, 'due', due)
  use_now()
  call('ZADD', key, 0, id)
  if call('ZCARD', key) == 1 then
    call('ZADD', P .. 'ready:' .. dest .. ':' .. endpoint .. class_of(key), due, lane)
  else
    place(dest, lane)
  end
end

-- A relay whose lease has ended keeps its place, in the customer's lane if that has become known meanwhile.
local function keep_place(id, dest, lane)
  local home = lane_by_now(id, lane)
  if home ~= lane and call('ZREM', P .. 'lane:' .. dest .. ':' .. lane, id) == 1 then
    call('ZADD', P .. 'lane:' .. dest .. ':' .. home, 0, id)
    place(dest, home)
  end
  place(dest, lane)
end

local function leave(id, dest, lane)
  call('ZREM', P .. 'lane:' .. dest .. ':' .. lane, id)
  call('ZREM', P .. 'held:' .. dest, id)
end

-- A pause is one write, however many relays it holds; they are told apart when read. Each that follows
-- another without an accepted call between waits twice as long for its probe.
local function pause(dest, endpoint, why, probe, now)
  local key = P .. 'dest:' .. dest
  local standing = call('HGET', key, 'paused:' .. endpoint)
  standing = standing and cjson.decode(standing)
  if standing and (standing.manual or not (why.manual or probe.again)) then return 'stands' end
  if probe.again and not standing then return 'over' end -- a person ended it while the probe was under way
  local probes = call('HINCRBY', key, 'probes:' .. endpoint, 1)
  why.probe_at = now + math.min(probe.probe_ms * 2 ^ (probes - 1), probe.probe_most_ms)
  why.since = standing and standing.since or now
  call('HSET', key, 'paused:' .. endpoint, cjson.encode(why))
  call('HDEL', key, 'trial:' .. endpoint)
  return 'ok'
end

-- The lanes that an endpoint refused in the same words, with nothing accepted by it between.
local function refused_lanes(dest, endpoint)
  return P .. 'refused:' .. dest .. ':' .. endpoint
end

-- Since when, and how often, tries have failed with nothing accepted between.
local function failed(dest, now)
  call('HSETNX', P .. 'dest:' .. dest, 'failing', now)
  call('HINCRBY', P .. 'dest:' .. dest, 'failures', 1)
end

-- Waking ------------------------------------------------------------------------------------------------

-- wakeup = {queue = key, prefix = job key prefix, jobs = {destination: payload}}: the job queue's own terms.
-- The queue goes by the clock of the worker's host, which need not agree with Redis's: AT_ONCE is past for any.
local AT_ONCE = 1

local function enqueue(dest, wakeup, at, now)
  local job = 'drain:' .. dest .. ':' .. call('INCR', P .. 'fence')
  call('SET', wakeup.prefix .. job, wakeup.jobs[dest], 'PX', math.floor(math.max(0, at - now) + 86400000))
  call('ZADD', wakeup.queue, at, job)
end

-- A running drain is rung; where none runs, one is started. A drain that is just ending has already looked
-- in the same script that signs it off, so nothing falls between.
local function wake(dest, wakeup, now)
  -- To one that was taken out of the settings nobody sends; what waits for it can still be acted on.
  if paused(dest, 'all') or not wakeup.jobs[dest] then return end
  if call('EXISTS', P .. 'drain:' .. dest) == 0 then
    call('SET', P .. 'drain:' .. dest, 'woken', 'PX', 5000)
    enqueue(dest, wakeup, AT_ONCE, now)
  elseif call('LLEN', P .. 'wake:' .. dest) == 0 then
    call('RPUSH', P .. 'wake:' .. dest, 1)
    call('PEXPIRE', P .. 'wake:' .. dest, 60000)
  end
end

-- The next drain is an entry in the job queue for the moment something is due.
local function schedule(dest, wakeup, at, now)
  if at <= now then return wake(dest, wakeup, now) end
  local planned = tonumber(call('GET', P .. 'at:' .. dest) or 0)
  if planned > now and planned <= at then return end
  call('SET', P .. 'at:' .. dest, at, 'PX', math.floor(at - now + 1000))
  enqueue(dest, wakeup, at, now)
end

-- Waiting -----------------------------------------------------------------------------------------------

-- Relays that stepped aside come back, each to its place by receipt.
local function rouse(source, book, now)
  local key = P .. 'o:' .. source .. ':' .. book
  local waiting = call('HGET', key, 'w')
  if not waiting then return end
  call('HDEL', key, 'w')
  for id in string.gmatch(waiting, '%S+') do
    local r = get(id, 'dest', 'endpoint', 'lane', 'status')
    if r[4] == 'held' and call('ZREM', P .. 'held:' .. r[1], id) == 1 then
      move(id, 'queued', '')
      enter(id, r[1], r[3], r[2], now)
    end
  end
end

-- mark = 'dead' or 'discarded' keeps an order's later relays from running ahead of its placed; nil lets them go.
local function mark_placed(id, mark, now)
  if not call('HGET', P .. 'r:' .. id, 'placed') then return end
  local source, books = books_of(id)
  for _, book in ipairs(books) do
    local key = P .. 'o:' .. source .. ':' .. book
    if mark then call('HSET', key, 'x:' .. id, mark) else call('HDEL', key, 'x:' .. id) end
    if mark ~= 'dead' then rouse(source, book, now) end
  end
end

-- Leases ------------------------------------------------------------------------------------------------

local function end_lease(dest, lane)
  call('ZREM', P .. 'leased:' .. dest, lane)
  call('HDEL', P .. 'leaseholder:' .. dest, lane)
end

local QUIET, GRACE = 2500, 3000 -- everybody's looks are two seconds apart at the most

-- For how long nobody looked, in all that time.
local function silences()
  return tonumber(call('HGET', CLOCK, 'silence') or 0)
end

-- While nobody looked, as when Redis was away or its clock jumped, nobody could say what came of a lease.
-- Whoever still lives says so in a moment, and what was accepted is not sent once more.
local function in_grace(now)
  local silence = look_at_clock()
  if silence > QUIET then
    call('HSET', CLOCK, 'grace', now + GRACE)
    call('HINCRBY', CLOCK, 'silence', silence)
  end
  local grace = tonumber(call('HGET', CLOCK, 'grace') or 0)
  return now < grace and grace <= now + GRACE
end

-- A lease that ended without a result costs no attempt; the fifth says that this relay kills workers.
local function reap(dest, now)
  if in_grace(now) then return end
  for _, lane in ipairs(call('ZRANGEBYSCORE', P .. 'leased:' .. dest, '-inf', now, 'LIMIT', 0, 100)) do
    local id = call('HGET', P .. 'leaseholder:' .. dest, lane)
    end_lease(dest, lane)
    if id then
      call('HDEL', P .. 'r:' .. id, 'token')
      if call('HINCRBY', P .. 'r:' .. id, 'lost', 1) >= LOST_LEASES then
        leave(id, dest, lane)
        move(id, 'dead', 'kills workers: five were lost while they sent it')
        call('HSET', P .. 'r:' .. id, 'stage', 'deliver')
        file(id, 'kills workers', now)
        note(id, cjson.encode({at = now, what = 'dead', reason = 'kills workers'}))
        mark_placed(id, 'dead', now)
      else
        note(id, cjson.encode({at = now, what = 'lease lost', reason = 'the worker ended without a result'}))
      end
      keep_place(id, dest, lane)
    end
    place(dest, lane)
  end
end

-- Budget ------------------------------------------------------------------------------------------------

-- What counts is when the destination gets a call, and nobody knows that before it answers. So a call counts from
-- the latest moment at which it may still leave (`leave_ms` from its reservation; who is later reserves again), and
-- once it is answered, from when it had arrived.
local MINUTE, SECOND = 60500, 1050 -- with a guard, since the destination's clock starts later than ours
local SOON = 50

local function window_free(key, now, limit, span)
  if limit == 0 then return 1000000, now end
  local used = call('ZCOUNT', key, '(' .. (now - span), '+inf')
  if used < limit then return limit - used, now end
  local oldest = tonumber(call('ZREVRANGE', key, limit - 1, limit - 1, 'WITHSCORES')[2])
  -- One that is under way is answered any moment, and then counts from now at the latest.
  return 0, math.max(math.min(oldest, now) + span, now + SOON)
end

-- How many calls may be reserved now, and when there is room again where that is none.
local function budget(key, now, per_minute, per_second)
  local a, when_a = window_free(key, now, per_minute, MINUTE)
  local b, when_b = window_free(key, now, per_second, SECOND)
  return math.min(a, b), math.max(when_a, when_b)
end

local function spend(key, now, leave_ms, seq, limits)
  if limits.minute == 0 and limits.second == 0 then return end
  call('ZADD', key, now + leave_ms, seq)
  use_now()
  call('ZREMRANGEBYSCORE', key, '-inf', now - MINUTE)
  call('PEXPIRE', key, MINUTE + leave_ms)
end

-- Of a minute's calls one in a hundred is left to what comes now: the two would race for each room that opens.
local function backfill_minute(limits)
  local minute = limits.minute
  return minute < 2 and minute or minute - math.ceil(minute / 100)
end

-- As `budget`, for backfill.
local function backfill_budget(now, limits)
  return budget(P .. 'budget:' .. limits.key, now, backfill_minute(limits), limits.second)
end

-- Backfill is spaced evenly, so that a live relay waits for one slot at most. The moment of its next call:
local function backfill_slot(limits)
  return tonumber(call('GET', P .. 'backfill:' .. limits.key) or 0)
end

local function backfill_space(limits)
  local a = limits.minute == 0 and 0 or MINUTE / backfill_minute(limits)
  local b = limits.second == 0 and 0 or SECOND / limits.second
  return math.max(a, b)
end

-- A call that is a little late does not make the next one late, and a slot that was left is gone.
local function spend_backfill(limits, now)
  local space = backfill_space(limits)
  if space == 0 then return end
  local slot = backfill_slot(limits)
  slot = (slot > now - space and slot or now) + space
  call('SET', P .. 'backfill:' .. limits.key, slot, 'PX', MINUTE + math.ceil(space))
end

-- Orders that stand behind a checkout pass it while checkouts are paused; a few lanes at each look, and those
-- that hold nothing else are looked at again later.
local function pass_checkouts(dest, now)
  if not paused(dest, 'checkouts') then return end
  for _, class in ipairs(CLASSES) do
    local ready = P .. 'ready:' .. dest .. ':checkouts' .. class
    for _, lane in ipairs(call('ZRANGEBYSCORE', ready, '-inf', now, 'LIMIT', 0, 50)) do
      place(dest, lane)
      call('ZADD', ready, 'XX', now + 5000, lane)
    end
  end
end

-- Due work ----------------------------------------------------------------------------------------------

-- When the destination next has something to do, nil for never without an outside event; and when that was due.
local function next_due(dest, limits, now)
  if paused(dest, 'all') then return nil end
  local due
  local function sooner(at)
    if at and (not due or at < due) then due = at end
  end
  for _, e in ipairs(ENDPOINTS) do
    if not paused(dest, e) then
      local key = P .. 'ready:' .. dest .. ':' .. e
      sooner(tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]))
      local backfill = tonumber(call('ZRANGE', key .. BACKFILL, 0, 0, 'WITHSCORES')[2])
      if backfill then
        local left, room = backfill_budget(now, limits)
        sooner(math.max(backfill, math.ceil(backfill_slot(limits)), left < 1 and room or 0))
      end
    end
  end
  if not due then return nil end
  local slow = tonumber(call('HGET', P .. 'dest:' .. dest, 'not_before') or 0)
  local _, room = budget(P .. 'budget:' .. limits.key, now, limits.minute, limits.second)
  return math.max(due, slow, room), due
end
