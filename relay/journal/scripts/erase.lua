-- Takes bodies and people out of the journal; counts are never lowered. ARGV: verb, options.

local verb, o = ARGV[1], cjson.decode(ARGV[2])
local now = now_ms()

local function drop_body(id)
  call('UNLINK', P .. 'b:' .. id, P .. 'h:' .. id)
end

-- A relay nobody may see any more and nobody will send: what was not settled is discarded.
local function erase(id, reason)
  local r = get(id, 'dest', 'lane', 'status', 'person')
  if not r[3] then return 0 end
  if call('HGET', P .. 'leaseholder:' .. r[1], r[2]) == id then return -1 end
  leave(id, r[1], r[2])
  if r[3] ~= 'delivered' and r[3] ~= 'ignored' and r[3] ~= 'discarded' then move(id, 'discarded', reason) end
  mark_placed(id, 'discarded', now)
  place(r[1], r[2])
  drop_body(id)
  if r[4] then
    call('ZREM', P .. 'i:person:' .. r[4], id)
    call('HDEL', P .. 'r:' .. id, 'person')
  end
  -- The reason goes too: the API's words may name the person.
  call('HSET', P .. 'r:' .. id, 'erased', now, 'lane', 'r:' .. id, 'reason', reason)
  call('HDEL', P .. 'r:' .. id, 'order', 'books')
  return 1
end

-- As a part of forgetting `person`, who need not be whom the relay is about by now: it may have been edited.
local function forget(id, reason, person)
  local source = call('HGET', P .. 'r:' .. id, 'source')
  local erased = erase(id, reason)
  if erased == 1 and person ~= '' then
    call('ZREM', P .. 'i:person:' .. person, id)
    call('DEL', P .. 'c:' .. source .. ':' .. person)
  end
  return erased
end

-- An order's book goes, with those of its `names` that lead to it. One that is another order's book, or that leads to
-- none since two orders went by it, stays so.
local function erase_book(source, book, names)
  local gone = {P .. 'o:' .. source .. ':' .. book}
  for _, name in ipairs(names) do
    if name ~= book and find_book(source, name) == book then gone[#gone + 1] = P .. 'a:' .. source .. ':' .. name end
  end
  call('UNLINK', unpack(gone))
  return 1
end

local function retain_body(id)
  drop_body(id)
  call('HSET', P .. 'r:' .. id, 'erased', now)
end

-- Bodies of relays older than `before` (an id), a step at a time; answers how many were looked at.
local function retain()
  local index = P .. 'i:' .. o.source .. ':' .. o.status
  local mark = P .. 'kept:' .. o.source .. ':' .. o.status
  local from = call('GET', mark)
  local old = call('ZRANGEBYLEX', index, from and ('(' .. from) or '-', '(' .. o.before, 'LIMIT', 0, o.step)
  for _, id in ipairs(old) do
    if o.status == 'dead' then erase(id, o.reason) else retain_body(id) end
  end
  if #old > 0 and o.status ~= 'dead' then call('SET', mark, old[#old]) end
  return #old
end

-- Bodies of what was settled only when retention had passed it by.
local function retain_late()
  local key = P .. 'late:' .. o.source .. ':' .. o.status
  local old = call('ZRANGEBYSCORE', key, '-inf', '(' .. o.before_ms, 'LIMIT', 0, o.step)
  for _, id in ipairs(old) do
    if get(id, 'status')[1] == o.status then retain_body(id) end
    call('ZREM', key, id)
  end
  return #old
end

-- Whole records; the totals stay.
local function drop_records()
  local index = P .. 'i:' .. o.source .. ':' .. o.status
  local old = call('ZRANGEBYLEX', index, '-', '(' .. o.before, 'LIMIT', 0, o.step)
  for _, id in ipairs(old) do
    local person = call('HGET', P .. 'r:' .. id, 'person')
    if person then call('ZREM', P .. 'i:person:' .. person, id) end
    call('UNLINK', P .. 'r:' .. id, P .. 'b:' .. id, P .. 'h:' .. id)
    call('ZREM', index, id)
  end
  return #old
end

if verb == 'erase' then return forget(o.id, o.reason, o.person) end
if verb == 'erase_book' then return erase_book(o.source, o.book, o.names) end
if verb == 'retain' then return retain() end
if verb == 'retain_late' then return retain_late() end
return drop_records()
