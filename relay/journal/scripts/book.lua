-- The order book: what is known of each order, under all of its names.

local AMBIGUOUS = '!' -- two orders went by this name: no postback is led by it any more

local function find_book(source, name)
  for _ = 1, 16 do
    if call('EXISTS', P .. 'o:' .. source .. ':' .. name) == 1 then return name end
    local other = call('GET', P .. 'a:' .. source .. ':' .. name)
    if not other or other == AMBIGUOUS then return nil end
    name = other
  end
end

local function append(key, field, words)
  call('HSET', key, field, (call('HGET', key, field) or '') .. ' ' .. words)
end

local LISTS = {w = true, united = true}

-- A meaning that either has as accepted stays so, whoever has only reserved it. The version rises above both, so
-- that whatever was composed from either is composed anew.
local function merge_books(source, into, from)
  local key, one = P .. 'o:' .. source .. ':' .. from, P .. 'o:' .. source .. ':' .. into
  local fields = call('HGETALL', key)
  for i = 1, #fields, 2 do
    local field, value = fields[i], fields[i + 1]
    if LISTS[field] then
      append(one, field, value)
    elseif field == 'version' then
      call('HINCRBY', one, field, value)
    elseif string.sub(field, 1, 2) == 's:' and string.sub(value, 1, 1) == 'A' then
      call('HSET', one, field, value)
    else
      call('HSETNX', one, field, value)
    end
  end
  append(one, 'united', from)
  call('DEL', key)
end

-- Whether that book is another order's: of one kind of name an order has but one.
local function is_other(source, book, names)
  for _, name in ipairs(names) do
    local known = call('HGET', P .. 'o:' .. source .. ':' .. book, 'n:' .. string.match(name, '^[^:]*'))
    if known and known ~= name then return true end
  end
  return false
end

-- The names that may lead: one that led to another order's book is nobody's from then on, since a wrong guess
-- would mail the wrong person.
local function leading(source, names, id, keep_ms)
  local found = {}
  for _, name in ipairs(names) do
    local alias = P .. 'a:' .. source .. ':' .. name
    if call('GET', alias) ~= AMBIGUOUS then
      local book = find_book(source, name)
      if book and is_other(source, book, names) then
        call('SET', alias, AMBIGUOUS, 'PX', keep_ms)
      else
        found[#found + 1] = name
      end
    end
  end
  if #found == 0 then found[1] = 'alone:' .. id end
  return found
end

-- The book that all names of one order lead to: found, made, or united from several.
local function open_book(source, all_names, id, keep_ms)
  local names = leading(source, all_names, id, keep_ms)
  local primary
  for _, name in ipairs(names) do
    local found = find_book(source, name)
    if found and found ~= primary then
      if not primary then
        primary = found
      elseif call('HEXISTS', P .. 'o:' .. source .. ':' .. found, 'id') == 1
        and call('HEXISTS', P .. 'o:' .. source .. ':' .. primary, 'id') == 0 then
        merge_books(source, found, primary)
        call('SET', P .. 'a:' .. source .. ':' .. primary, found, 'PX', keep_ms)
        primary = found
      else
        merge_books(source, primary, found)
        call('SET', P .. 'a:' .. source .. ':' .. found, primary, 'PX', keep_ms)
      end
    end
  end
  primary = primary or names[1]
  for _, name in ipairs(names) do
    local kind = string.match(name, '^[^:]*')
    call('SADD', P .. 'kinds:' .. source, kind)
    call('HSETNX', P .. 'o:' .. source .. ':' .. primary, 'n:' .. kind, name)
    if name ~= primary then
      call('SET', P .. 'a:' .. source .. ':' .. name, primary, 'PX', keep_ms)
    elseif call('EXISTS', P .. 'a:' .. source .. ':' .. name) == 1 then
      call('DEL', P .. 'a:' .. source .. ':' .. name)
    end
  end
  return primary
end

local function books_of(id)
  local r = get(id, 'source', 'books')
  local found = {}
  if r[2] then
    for _, name in ipairs(cjson.decode(r[2])) do
      local primary = find_book(r[1], name)
      if primary then found[#found + 1] = primary end
    end
  end
  return r[1], found
end

-- Takes away what a relay said of an order. A book that nothing is left of goes, and its names lead nowhere any more:
-- one of them may have been the mistake.
local function drop_part(source, book, id)
  local key, names = P .. 'o:' .. source .. ':' .. book, {}
  call('HDEL', key, 'f:' .. id, 'x:' .. id)
  call('HINCRBY', key, 'version', 1)
  local fields = call('HGETALL', key)
  for i = 1, #fields, 2 do
    local kind = string.sub(fields[i], 1, 2)
    if kind == 'f:' or kind == 's:' then return end
    if kind == 'n:' then names[#names + 1] = fields[i + 1] end
  end
  for _, name in ipairs(names) do
    if name ~= book and find_book(source, name) == book then call('DEL', P .. 'a:' .. source .. ':' .. name) end
  end
  call('DEL', key)
end
