-- Replays: acts on all relays of a filter, a handful at a time. What is about to be acted on is written first,
-- and each relay is marked by the act itself, so a worker that dies in between loses nothing and repeats nothing.
-- ARGV: verb, options {id, token, ...}, entry of the activity ('' for none).

local KEPT, RUNNING = 200, P .. 'replaying'
local verb, o = ARGV[1], cjson.decode(ARGV[2])
local now = now_ms()
local key = P .. 'replay:' .. o.id

local function is_over(state)
  return state == 'done' or state == 'cancelled'
end

-- The oldest that are over go.
local function make_room()
  for _, id in ipairs(call('ZRANGE', P .. 'replays', 0, -KEPT - 1)) do
    if is_over(call('HGET', P .. 'replay:' .. id, 'state')) then
      call('DEL', P .. 'replay:' .. id)
      call('ZREM', P .. 'replays', id)
    end
  end
end

local function start()
  call('HSET', key, 'state', 'running', 'started', now, unpack(o.fields))
  call('ZADD', P .. 'replays', 0, o.id)
  call('SADD', RUNNING, o.id)
  make_room()
  log_act(ARGV[3])
  return 'ok'
end

-- The turn to go on with it, for a while. Of one that was cancelled, what was being done is told to the end.
local function take()
  local r = call('HMGET', key, 'state', 'busy', 'pending')
  if r[1] ~= 'running' and not r[3] then call('SREM', RUNNING, o.id) end
  if r[1] ~= 'running' and not (r[1] == 'cancelled' and r[3]) then return nil end
  if tonumber(r[2] and string.match(r[2], ' (%d+)$') or 0) > now then return nil end
  call('HSET', key, 'busy', o.token .. ' ' .. (now + o.hold_ms))
  return call('HGETALL', key)
end

local function is_mine()
  local busy = call('HGET', key, 'busy')
  return busy and string.match(busy, '^%S+') == o.token
end

-- A turn is given back where there is nothing to do yet.
local function give_back()
  if is_mine() then call('HDEL', key, 'busy') end
  return 'ok'
end

local function intend()
  if not is_mine() then return 'lost' end
  call('HSET', key, 'pending', o.pending)
  return 'ok'
end

local function commit()
  if not is_mine() then return 'lost' end
  for field, count in pairs(o.counts) do call('HINCRBY', key, field, count) end
  call('HSET', key, 'cursor', o.cursor)
  call('HDEL', key, 'pending', 'busy')
  if o.ended and call('HGET', key, 'state') == 'running' then
    call('HSET', key, 'state', 'done', 'ended', now)
  end
  return 'ok'
end

local function change()
  local state = call('HGET', key, 'state')
  if not state then return 'unknown' end
  if state == o.to or is_over(state) or (o.to == 'running' and state ~= 'paused') then return state end
  call('HSET', key, 'state', o.to)
  if o.to == 'running' then call('SADD', RUNNING, o.id) end
  if o.to == 'cancelled' then call('HSET', key, 'ended', now) end
  log_act(ARGV[3])
  return 'ok'
end

if verb == 'start' then return start() end
if verb == 'take' then return take() end
if verb == 'give_back' then return give_back() end
if verb == 'intend' then return intend() end
if verb == 'commit' then return commit() end
return change()
