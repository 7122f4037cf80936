-- Takes bodies and people out of the journal; counts are never lowered. ARGV: verb, options.

local verb, o = ARGV[1], cjson.decode(ARGV[2])
local now = now_ms()

local function drop_body(id)
  call('UNLINK', P .. 'b:' .. id, P .. 'h:' .. id)
end

-- A relay nobody may see any more and nobody will send: what was not settled is discarded.
local function erase(id, reason)
  local r = get(id, 'dest', 'lane', 'status', 'person', 'source')
  if not r[3] then return 0 end
  if call('HGET', P .. 'leaseholder:' .. r[1], r[2]) == id then return -1 end
  leave(id, r[1], r[2])
  if r[3] ~= 'delivered' and r[3] ~= 'ignored' and r[3] ~= 'discarded' then move(id, 'discarded', reason) end
  mark_placed(id, 'discarded', now)
  place(r[1], r[2])
  drop_body(id)
  if r[4] then
    call('DEL', P .. 'i:person:' .. r[4], P .. 'c:' .. r[5] .. ':' .. r[4])
    call('HDEL', P .. 'r:' .. id, 'person')
  end
  -- The reason goes too: the API's words may name the person.
  call('HSET', P .. 'r:' .. id, 'erased', now, 'lane', 'r:' .. id, 'reason', reason)
  call('HDEL', P .. 'r:' .. id, 'order', 'books')
  return 1
end

-- Each of `names` leads to one order; its book and all its names go.
local function erase_book(source, names)
  for _, name in ipairs(names) do
    call('UNLINK', P .. 'o:' .. source .. ':' .. name, P .. 'a:' .. source .. ':' .. name)
  end
  return 1
end

-- Bodies of relays older than `before` (an id), a step at a time; answers how many were looked at.
local function retain()
  local index = P .. 'i:' .. o.source .. ':' .. o.status
  local mark = P .. 'kept:' .. o.source .. ':' .. o.status
  local from = call('GET', mark)
  local old = call('ZRANGEBYLEX', index, from and ('(' .. from) or '-', '(' .. o.before, 'LIMIT', 0, o.step)
  for _, id in ipairs(old) do
    if o.status == 'dead' then
      erase(id, o.reason)
    else
      drop_body(id)
      call('HSET', P .. 'r:' .. id, 'erased', now)
    end
  end
  if #old > 0 and o.status ~= 'dead' then call('SET', mark, old[#old]) end
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

if verb == 'erase' then return erase(o.id, o.reason) end
if verb == 'erase_book' then return erase_book(o.source, o.names) end
if verb == 'retain' then return retain() end
return drop_records()
