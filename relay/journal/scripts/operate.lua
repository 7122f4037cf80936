-- What people and the destination's own trouble do. ARGV: verb, options, history entry.

local verb, o, entry = ARGV[1], cjson.decode(ARGV[2]), ARGV[3]
local now = now_ms()

local function leased(dest, lane, id)
  return call('HGET', P .. 'leaseholder:' .. dest, lane) == id
end

-- Answers the status found when the act does not fit it, "ok" when done.
local function act(fits, to, reason, mark)
  local r = get(o.id, 'status', 'dest', 'lane', 'endpoint')
  if not r[1] then return 'unknown' end
  if not fits[r[1]] then return r[1] end
  if leased(r[2], r[3], o.id) then return 'being sent' end
  leave(o.id, r[2], r[3])
  move(o.id, to, reason)
  if to == 'dead' then file_again(o.id) end
  note(o.id, entry)
  place(r[2], r[3])
  mark_placed(o.id, mark, now)
  if to == 'queued' then
    call('HDEL', P .. 'r:' .. o.id, 'tries', 'lost', 'waited', 'backfill')
    if o.backfill then call('HSET', P .. 'r:' .. o.id, 'backfill', 1) end
    if o.force then
      call('HSET', P .. 'r:' .. o.id, 'force', 1)
      call('HDEL', P .. 'r:' .. o.id, 'done')
    end
    enter(o.id, r[2], r[3], r[4], now)
  end
  wake(r[2], o.wakeup, now) -- for the relay itself, or for what stood behind it
  return 'ok'
end

local function all_of(...)
  local set = {}
  for _, word in ipairs({...}) do set[word] = true end
  return set
end

-- On trial: the pause ends for one relay, and for all once that one is accepted.
local function resume()
  local dest = P .. 'dest:' .. o.dest
  call('HDEL', dest, 'paused:' .. o.endpoint)
  if o.trial then
    for _, e in ipairs(o.endpoint == 'all' and ENDPOINTS or {o.endpoint}) do
      call('HSET', dest, 'trial:' .. e, '')
    end
  else
    call('HDEL', dest, 'probes:' .. o.endpoint, 'trial:' .. o.endpoint)
    call('DEL', P .. 'refused:' .. o.dest)
  end
  wake(o.dest, o.wakeup, now)
  return 'ok'
end

local function slow_down()
  local dest = P .. 'dest:' .. o.dest
  local until_ms = now + o.after_ms
  if tonumber(call('HGET', dest, 'not_before') or 0) < until_ms then
    call('HSET', dest, 'not_before', until_ms)
  end
  return 'ok'
end

if verb == 'retry' then return act(all_of('dead', 'held', 'retrying', 'ignored', 'delivered'), 'queued', '', nil) end
if verb == 'discard' then
  return act(all_of('dead', 'held', 'retrying', 'queued'), 'discarded', o.reason, 'discarded')
end
if verb == 'restore' then return act(all_of('discarded'), 'dead', o.reason, 'dead') end
if verb == 'pause' then return pause(o.dest, o.endpoint, o.pause, o, now) end
if verb == 'resume' then return resume() end
if verb == 'spend' then
  spend(P .. 'budget:' .. o.limits.key, now, call('INCR', P .. 'fence'), o.limits.minute, o.limits.second)
  return 'ok'
end
return slow_down()
