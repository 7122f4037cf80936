-- Writes, before a call is sent, that it is about to be: budget, ledger and a longer lease, or none of them.
-- ARGV: options {dest, lease_ms, leave_ms, limits}, then for each call {id, token, lane, source, book, meaning, force,
-- instead}.
-- Answers {verdict, when, what it spent} for each: ok; fenced (the lease is another's); sent (the meaning went out already);
-- stale (the book has changed since the claim: compose anew); busy (another relay is sending it, or another call of its
-- order); wait (no budget, slowed down or paused) until `when`.

local o = cjson.decode(ARGV[1])
local now = now_ms()
local key = P .. 'budget:' .. o.limits.key

local function ledger(c)
  if c.book == '' then return nil end
  local book = find_book(c.source, c.book) or c.book
  local field = P .. 'o:' .. c.source .. ':' .. book
  return field, call('HGET', field, 's:' .. c.meaning)
end

-- What is live and due takes the room that there is, before backfill that was claimed already.
local function live_waits()
  if backfill_space(o.limits) == 0 then return false end
  for _, e in ipairs(ENDPOINTS) do
    if not paused(o.dest, e) and call('HEXISTS', P .. 'dest:' .. o.dest, 'trial:' .. e) == 0 then
      local due = call('ZRANGE', P .. 'ready:' .. o.dest .. ':' .. e, 0, 0, 'WITHSCORES')[2]
      if due and tonumber(due) <= now then return true end
    end
  end
  return false
end

-- When the lease of the relay that reserved a meaning ends; nil where it has none, or is the one that asks.
local function lease_ends(relay, asks)
  local r = get(relay, 'dest', 'lane')
  if relay == asks or not r[1] or call('HGET', P .. 'leaseholder:' .. r[1], r[2]) ~= relay then return nil end
  return tonumber(call('ZSCORE', P .. 'leased:' .. r[1], r[2]))
end

-- Two relays of one order stand in two lanes where its customer's address has changed. What is sent of an order depends
-- on what came of the call before, so one waits for the other's answer.
local function answer_awaited(book, entry, c)
  if entry and string.sub(entry, 1, 1) == 'R' then
    local ends = lease_ends(string.match(entry, '^R (%S+)'), c.id)
    if ends then return ends end
  end
  local other = c.endpoint == 'orders' and book and call('HGET', book, 'sending')
  return other and lease_ends(other, c.id) or nil
end

-- A relay is leased by the endpoint of its first event. Where a call of it goes to another that is paused, only this
-- keeps it from being leased and put back without end.
local REST = 5000

local function verdict(c)
  if c.instead > 0 then call('ZREM', key, c.instead) end -- it never left
  if call('HGET', P .. 'r:' .. c.id, 'token') ~= tostring(c.token) then return 'fenced', 0 end
  local slow = tonumber(call('HGET', P .. 'dest:' .. o.dest, 'not_before') or 0)
  if paused(o.dest, 'all') then return 'wait', now end
  if paused(o.dest, c.endpoint) then return 'wait', get(c.id, 'endpoint')[1] == c.endpoint and now or now + REST end
  if slow > now then return 'wait', slow end
  local book, entry = ledger(c)
  if book and tonumber(call('HGET', book, 'version') or 0) ~= c.version then return 'stale', now end
  if entry and string.sub(entry, 1, 1) == 'A' and not c.force then return 'sent', 0 end
  local ends = answer_awaited(book, entry, c)
  if ends then return 'busy', ends end
  local backfill = call('HEXISTS', P .. 'r:' .. c.id, 'backfill') == 1
  local room, when = budget(key, now, o.limits.minute, o.limits.second)
  if backfill then room, when = backfill_budget(now, o.limits) end
  if room < 1 then return 'wait', when end
  if backfill then
    local slot = backfill_slot(o.limits)
    if slot <= now and live_waits() then slot = now + backfill_space(o.limits) end
    if slot > now then return 'wait', math.ceil(slot) end
    spend_backfill(o.limits, now)
  end
  local spent = call('INCR', P .. 'fence')
  spend(key, now, o.leave_ms, spent, o.limits)
  if book then call('HSET', book, 's:' .. c.meaning, 'R ' .. c.id .. ' ' .. (now + o.lease_ms) .. string.rep(' ', 24)) end
  if book and c.endpoint == 'orders' then call('HSET', book, 'sending', c.id) end
  call('ZADD', P .. 'leased:' .. o.dest, 'XX', now + o.lease_ms, c.lane)
  return 'ok', now, spent
end

call('DEL', P .. 'room') -- first: a full Redis lets the rest of the script through after it
local answers = {}
for i = 2, #ARGV do
  answers[#answers + 1] = {verdict(cjson.decode(ARGV[i]))}
end
return answers
