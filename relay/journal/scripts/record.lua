-- Records postbacks: dedupe, record, book, lane, due time, index, totals and wake, in one step.
-- ARGV: options, then for each postback its meta and its blob. Answers {id, copy, status, reason} for each.

local options = cjson.decode(ARGV[1])
local now = now_ms()
local answers = {}
local woken = {}

-- What was recorded before the customer was known stands in the order's own lane: it joins the customer's.
local function join_lanes(m, names, customer)
  for _, name in ipairs(names) do
    local old = 'o:' .. m.source .. ':' .. name
    local members = call('ZRANGE', P .. 'lane:' .. m.dest .. ':' .. old, 0, -1)
    local holder = #members > 0 and call('HGET', P .. 'leaseholder:' .. m.dest, old)
    for _, id in ipairs(members) do
      if id ~= holder then
        leave(id, m.dest, old)
        call('HSET', P .. 'r:' .. id, 'lane', customer)
        local r = get(id, 'endpoint', 'due')
        enter(id, m.dest, customer, r[1], r[2] or now)
      end
    end
    if #members > 0 then place(m.dest, old) end
  end
end

-- All names that lanes of this order may go by: those it has now, and those of books that were united with it.
local function known_as(book, names, united)
  local known = {book, unpack(names)}
  for name in string.gmatch(united or '', '%S+') do known[#known + 1] = name end
  return known
end

local function write_book(m, id)
  local books = {}
  for _, order in ipairs(m.orders) do
    local book = open_book(m.source, order.names, id, options.keep_ms)
    local key = P .. 'o:' .. m.source .. ':' .. book
    call('HSET', key, 'f:' .. id, order.part)
    if m.v > 1 then call('HSET', key, 'v', m.v) end
    call('HINCRBY', key, 'version', 1)
    if m.person ~= '' then call('HSET', key, 'lane', m.person) end
    local known = call('HMGET', key, 'lane', 'united')
    if known[1] then join_lanes(m, known_as(book, order.names, known[2]), known[1]) end
    call('PEXPIRE', key, options.keep_ms)
    books[#books + 1] = book
  end
  return books
end

local function lane_of(m, books)
  if m.person ~= '' then return m.person end
  if books[1] then
    return call('HGET', P .. 'o:' .. m.source .. ':' .. books[1], 'lane') or ('o:' .. m.source .. ':' .. books[1])
  end
  return 'r:' .. m.id
end

-- When the customer's newest order was recorded; what is mapped again, or comes late, may be older.
local function last_order(m)
  local key = P .. 'c:' .. m.source .. ':' .. m.person
  if tonumber(call('GET', key) or 0) < tonumber(m.at) then call('SET', key, m.at, 'PX', 90000000) end
end

local function write_relay(m, id, blob)
  local books = write_book(m, id)
  local lane = lane_of(m, books)
  local fields = {'v', m.v, 'source', m.source, 'adapter', m.adapter, 'dest', m.dest, 'endpoint', m.endpoint,
    'status', m.status, 'lane', lane, 'kinds', m.kinds}
  local function set(name, value)
    if value and value ~= '' then fields[#fields + 1] = name; fields[#fields + 1] = value end
  end
  set('at', m.at)
  set('reason', m.reason)
  set('order', m.order)
  set('person', m.person)
  set('placed', m.placed)
  set('copy', m.copy)
  set('stage', m.stage)
  set('force', m.force)
  set('backfill', m.backfill)
  set('edited', m.edited)
  set('replay', m.replay)
  set('spooled', m.spooled and now)
  if m.force then call('HDEL', P .. 'r:' .. id, 'done') end
  if books[1] then set('books', cjson.encode(books)) end
  call('HSET', P .. 'r:' .. id, unpack(fields))
  call('SET', P .. 'b:' .. id, blob)
  if m.person ~= '' then
    call('ZADD', P .. 'i:person:' .. m.person, 0, id)
    if m.is_order then last_order(m) end
  end
  return books, lane
end

local function run(m, id, books, lane)
  if m.status ~= 'queued' then return end
  for _, book in ipairs(books) do rouse(m.source, book, now) end
  enter(id, m.dest, lane, m.endpoint, now)
  woken[m.dest] = true
end

-- A host whose clock is behind names what is newer as if it were older. What comes straight from the sender goes
-- behind what its lane holds; what was only a moment late, or comes out of the spool, to its place by receipt.
local LATE = 5000
local DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'

local function digit(id, i) return string.find(DIGITS, string.sub(id, i, i), 1, true) end

local function moment(id)
  local ms = 0
  for i = 1, 10 do ms = ms * 32 + digit(id, i) - 1 end
  return ms
end

local function next_moment(id)
  local last = digit(id, #id)
  if last == #DIGITS then return next_moment(string.sub(id, 1, -2)) .. '0' end
  return string.sub(id, 1, -2) .. string.sub(DIGITS, last + 1, last + 1)
end

local function id_in_order(m)
  local newest = m.id
  local function look(lane)
    local last = call('ZREVRANGE', P .. 'lane:' .. m.dest .. ':' .. lane, 0, 0)[1]
    if last and last > newest then newest = last end
  end
  if m.person ~= '' then look(m.person) end
  for _, order in ipairs(m.orders) do
    for _, name in ipairs(order.names) do look('o:' .. m.source .. ':' .. name) end
  end
  if m.spooled or newest == m.id or moment(newest) - moment(m.id) < LATE then return m.id end
  return next_moment(string.sub(newest, 1, 10)) .. string.sub(m.id, 11)
end

-- When the source was last heard of; what comes late out of a spool is no newer sign of life.
local function heard_of(m)
  local key = P .. 'src:' .. m.source
  if m.spooled and tonumber(call('HGET', key, 'last') or 0) > m.at then return end
  call('HSET', key, 'last', m.at)
end

local DAY = 86400000

local function create(m, blob)
  local asked = m.id
  m.id = id_in_order(m)
  if m.id ~= asked then call('SET', P .. 'also:' .. asked, m.id, 'PX', DAY) end
  local books, lane = write_relay(m, m.id, blob)
  call('SET', P .. 'd:' .. m.source .. ':' .. m.copy, m.id, 'PX', m.window)
  if m.delivery ~= '' then call('SET', P .. 'd:' .. m.source .. ':' .. m.delivery, m.id, 'PX', m.window) end
  if m.backfill == '' then -- what was asked for is no sign that the platform sends
    call('HSETNX', P .. 'src:' .. m.source, 'first', m.at)
    heard_of(m)
  end
  call('ZADD', P .. 'i:' .. m.source .. ':' .. m.status, 0, m.id)
  call('HINCRBY', P .. 'n', m.source .. ':received', 1)
  call('HINCRBY', P .. 'n', m.source .. ':' .. m.status, 1)
  tally(m.source, 'received', m.at)
  if m.status == 'dead' then
    tally(m.source, 'dead', now)
    file(m.id, m.title, now)
  end
  if ACTIVE[m.status] then
    call('HINCRBY', P .. 'active', m.dest .. ':' .. m.endpoint .. ':' .. m.status, 1)
  end
  run(m, m.id, books, lane)
  return {m.id, 0, m.status, m.reason}
end

-- What was dead or refused is mapped and tried again by its copy: a mended adapter, or a mended body under the
-- sender's own delivery id.
local function again(m, id, blob)
  local r = get(id, 'dest', 'lane', 'status')
  local source, old = books_of(id)
  for _, book in ipairs(old) do drop_part(source, book, id) end
  leave(id, r[1], r[2])
  place(r[1], r[2])
  move(id, 'held', '') -- counted nowhere else while its destination and endpoint change
  call('HSET', P .. 'r:' .. id, 'dest', m.dest, 'endpoint', m.endpoint)
  move(id, m.status, m.reason)
  call('HDEL', P .. 'r:' .. id, 'tries', 'lost', 'waited', 'due', 'force', 'backfill', 'placed', 'order', 'stage',
    'books', 'edited', 'erased')
  local books, lane = write_relay(m, id, blob)
  mark_placed(id, m.status == 'dead' and 'dead' or nil, now)
  if m.status == 'dead' then file(id, m.title, now) end
  run(m, id, books, lane)
  for _, book in ipairs(old) do rouse(source, book, now) end -- perhaps it was this that they waited for
  woken[m.dest] = true
  return {id, 1, m.status, m.reason}
end

local function remap(m, id, blob)
  local r = get(id, 'dest', 'lane', 'at', 'status', 'erased')
  if call('HGET', P .. 'leaseholder:' .. r[1], r[2]) == id then return {id, 1, 'being sent', ''} end
  if r[4] == 'discarded' or r[5] then return {id, 1, 'discarded', ''} end
  m.at = r[3]
  note(id, cjson.encode({at = now, what = m.what, by = m.by}))
  log_act(m.activity)
  return again(m, id, blob)
end

-- What nobody could read: dead, or refused to its sender, which is ignored with the stage it fell at.
local function unread(status, stage)
  if status == 'ignored' and stage == 'normalise' then return 'refused' end
  return status == 'dead' and 'dead'
end

local function copy(m, id, blob)
  local r = get(id, 'status', 'reason', 'stage', 'edited')
  -- Its answer may be late, or its replica, and then the client or the spool tells of it once more: so it is known,
  -- and not counted twice.
  if not call('SET', P .. 'also:' .. m.id, id, 'PX', DAY, 'NX') then return {id, 1, r[1], r[2] or ''} end
  call('HINCRBY', P .. 'r:' .. id, 'copies', 1)
  call('HINCRBY', P .. 'n', m.source .. ':copies', 1)
  heard_of(m)
  local fell = not r[4] and unread(r[1], r[3]) -- what a person edited stands
  if fell and fell ~= unread(m.status, m.stage) then
    m.at = call('HGET', P .. 'r:' .. id, 'at')
    note(id, cjson.encode({at = now, what = 'mapped again', reason = 'a copy arrived'}))
    return again(m, id, blob)
  end
  return {id, 1, r[1], r[2] or ''}
end

-- What comes out of the spool: an answer has gone out under its id, so the id stays good. It may come again,
-- where a process died before it could delete it there, so what was counted of it is remembered.
local function from_spool(m, first)
  local counted = tonumber(call('HGET', P .. 'r:' .. first, 'spool:' .. m.id) or 0)
  local nameless, fresh = m.copies - #m.copied, 0
  for _, id in ipairs(m.copied) do
    if call('SET', P .. 'also:' .. id, first, 'PX', DAY, 'NX') then fresh = fresh + 1 end
  end
  if nameless > counted then
    call('HSET', P .. 'r:' .. first, 'spool:' .. m.id, nameless)
    fresh = fresh + nameless - counted
  end
  if fresh > 0 then
    call('HINCRBY', P .. 'r:' .. first, 'copies', fresh)
    call('HINCRBY', P .. 'n', m.source .. ':copies', fresh)
  end
  if first ~= m.id then call('SET', P .. 'also:' .. m.id, first, 'PX', options.keep_ms) end
end

local function first_of(m)
  local id = call('GET', P .. 'd:' .. m.source .. ':' .. m.copy)
  if not id and m.delivery ~= '' then id = call('GET', P .. 'd:' .. m.source .. ':' .. m.delivery) end
  local at = id and call('HGET', P .. 'r:' .. id, 'at')
  -- What comes out of a spool came when it was received, however much of it is recorded in one moment.
  if at and not (m.spooled and m.at - at > m.window) then return id end
end

-- The relay that this very postback already is: the journal was only slow to say so, or the spool tells it again.
local function known(m)
  if m.remap then return nil end
  local id = m.id
  if m.spooled then id = call('GET', P .. 'also:' .. m.id) or id end
  if call('EXISTS', P .. 'r:' .. id) == 1 then return id end
end

for i = 2, #ARGV, 2 do
  local m = cjson.decode(ARGV[i])
  local same = known(m)
  local first = same or m.remap or first_of(m)
  if same then
    local r = get(same, 'status', 'reason')
    answers[#answers + 1] = {same, same == m.id and 0 or 1, r[1], r[2] or ''}
  elseif m.remap then
    answers[#answers + 1] = remap(m, first, ARGV[i + 1])
  elseif first then
    answers[#answers + 1] = copy(m, first, ARGV[i + 1])
  else
    answers[#answers + 1] = create(m, ARGV[i + 1])
  end
  if m.spooled then from_spool(m, first or m.id) end
end

for dest in pairs(woken) do wake(dest, options.wakeup, now) end
return answers
