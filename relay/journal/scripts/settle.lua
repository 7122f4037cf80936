-- Writes what came of leased relays: accepted calls, history, and where each relay goes from here.
-- ARGV: options {dest, keep_ms, wakeup}, then for each relay its result and its history entry ('' for none).
-- Answers 1 for each that was still this worker's, 2 where it tripped the breaker, 0 where another took it over.

local o = cjson.decode(ARGV[1])
local now = now_ms()

-- First a write that Redis never refuses for want of memory: after it the rest of a script is let through,
-- so a full Redis can always be told what was delivered.
call('DEL', P .. 'room')

local function accept(s, id)
  call('HDEL', P .. 'dest:' .. o.dest, 'trial:' .. s.endpoint, 'probes:' .. s.endpoint, 'probes:all', 'failing', 'failures')
  call('HSET', P .. 'dest:' .. o.dest, 'accepted', now)
  call('DEL', refused_lanes(o.dest, s.endpoint))
  if s.book == '' then return end
  local book = find_book(s.source, s.book) or s.book
  local key = P .. 'o:' .. s.source .. ':' .. book
  call('HSET', key, 's:' .. s.meaning, 'A ' .. s.digest .. ' ' .. id)
  call('HINCRBY', key, 'version', 1)
  if s.order_id ~= '' then call('HSETNX', key, 'id', s.order_id) end
  call('PEXPIRE', key, o.keep_ms)
  if string.sub(s.meaning, 1, 7) == 'placed@' then rouse(s.source, book, now) end
end

local function unreserve(s)
  if s.book == '' then return end
  local key = P .. 'o:' .. s.source .. ':' .. (find_book(s.source, s.book) or s.book)
  local entry = call('HGET', key, 's:' .. s.meaning)
  if entry and string.match(entry, '^R (%S+)') == s.id then call('HDEL', key, 's:' .. s.meaning) end
end

-- What a relay was composed with may have changed since: then it does not step aside, but is composed anew.
local function learned_more(r)
  local version = r.version and call('HGET', P .. 'o:' .. r.source .. ':' .. (find_book(r.source, r.version.book) or ''), 'version')
  return version and tonumber(version) ~= r.version.at
end

local function step_aside(r, lane)
  call('ZREM', P .. 'lane:' .. o.dest .. ':' .. lane, r.id)
  call('ZADD', P .. 'held:' .. o.dest, r.due, r.id)
  call('HSET', P .. 'r:' .. r.id, 'silence', silences())
  local source, books = books_of(r.id)
  for _, book in ipairs(books) do
    append(P .. 'o:' .. source .. ':' .. book, 'w', r.id)
  end
end

-- One refusal from many lanes, with nothing accepted between, is the destination's trouble and not the orders':
-- the breaker pauses the endpoint, and the relay that tripped it goes back to its place.
local function trips_breaker(r)
  local key, words = P .. 'dest:' .. o.dest, 'refused_as:' .. r.refusal.endpoint
  local refused = refused_lanes(o.dest, r.refusal.endpoint)
  if call('HGET', key, words) ~= r.refusal.as then
    call('HSET', key, words, r.refusal.as)
    call('DEL', refused)
  end
  call('SADD', refused, r.lane)
  local lanes = call('SCARD', refused)
  if lanes < o.breaker_lanes then return false end
  local why = {reason = 'the same refusal from ' .. lanes .. ' customers: ' .. r.refusal.as, by = 'the breaker',
    code = r.code}
  pause(o.dest, r.refusal.endpoint, why, {probe_ms = o.probe_ms, probe_most_ms = o.probe_most_ms}, now)
  r.status, r.reason, r.stage, r.due = 'queued', '', nil, now
  return true
end

local function go_on(r)
  local dest, lane = o.dest, r.lane
  if r.status == 'held' and not r.in_lane and learned_more(r) then
    r.status, r.reason, r.due = 'queued', '', now
  end
  move(r.id, r.status, r.reason)
  call('HDEL', P .. 'r:' .. r.id, 'token', 'lost') -- a result shows that it kills no worker
  if r.due then call('HSET', P .. 'r:' .. r.id, 'due', r.due) end
  if r.status == 'held' and not r.in_lane then
    step_aside(r, lane)
  elseif r.status == 'delivered' or r.status == 'ignored' or r.status == 'dead' then
    leave(r.id, dest, lane)
    call('HDEL', P .. 'r:' .. r.id, 'due', 'waited', 'force', 'backfill')
    mark_placed(r.id, r.status == 'dead' and 'dead' or nil, now)
    if r.status == 'dead' then file(r.id, r.title or '', now) end
  elseif r.yields then
    call('ZADD', P .. 'lane:' .. dest .. ':' .. lane, 1, r.id)
  end
  end_lease(dest, lane)
  keep_place(r.id, dest, lane)
end

local answers = {}
for i = 2, #ARGV, 2 do
  local r = cjson.decode(ARGV[i])
  if r.arrived then call('ZADD', P .. 'budget:' .. o.limits.key, 'XX', r.arrived.at, r.arrived.spent) end
  local mine = call('HGET', P .. 'r:' .. r.id, 'token') == tostring(r.token)
  if r.accepted then accept(r.accepted, r.id) end -- a call that was accepted stays accepted, whoever sent it
  local tripped = mine and r.refusal and trips_breaker(r)
  if mine then
    if ARGV[i + 1] ~= '' then note(r.id, ARGV[i + 1]) end
    if r.unreserve then unreserve(r.unreserve) end
    if r.attempts > 0 then call('HINCRBY', P .. 'r:' .. r.id, 'attempts', r.attempts) end
    if r.tries > 0 then
      call('HINCRBY', P .. 'r:' .. r.id, 'tries', r.tries)
      failed(o.dest, now)
    end
    if r.code then call('HSET', P .. 'r:' .. r.id, 'code', r.code) end
    if r.stage then call('HSET', P .. 'r:' .. r.id, 'stage', r.stage) end
    if r.done then call('HSET', P .. 'r:' .. r.id, 'done', r.done) end
    if r.overtaken then call('HINCRBY', P .. 'n', r.source .. ':overtaken', 1) end
    if r.status then go_on(r) end
  end
  answers[#answers + 1] = tripped and 2 or mine and 1 or 0
end
-- A drain that has signed off with this call under way is not there to see what it freed.
if call('EXISTS', P .. 'drain:' .. o.dest) == 0 then
  local at = next_due(o.dest, o.limits, now)
  if at then schedule(o.dest, o.wakeup, at, now) end
end
return answers
