-- What people and the destination's own trouble do. ARGV: verb, options, entry of the activity ('' for none).

local verb, o, activity = ARGV[1], cjson.decode(ARGV[2]), ARGV[3]
local now = now_ms()

local function leased(dest, lane, id)
  return call('HGET', P .. 'leaseholder:' .. dest, lane) == id
end

local function run_again(id, dest, lane, endpoint)
  call('HDEL', P .. 'r:' .. id, 'tries', 'lost', 'waited', 'backfill', 'force')
  if o.backfill then call('HSET', P .. 'r:' .. id, 'backfill', 1) end
  if o.force then
    call('HSET', P .. 'r:' .. id, 'force', 1)
    call('HDEL', P .. 'r:' .. id, 'done')
  end
  enter(id, dest, lane, endpoint, now)
end

-- Answers the status found when the act does not fit it, "ok" when done.
local function act(id, fits, to, reason, mark)
  local r = get(id, 'status', 'dest', 'lane', 'endpoint')
  if not r[1] then return 'unknown' end
  if not fits[r[1]] then return r[1] end
  if leased(r[2], r[3], id) then return 'being sent' end
  leave(id, r[2], r[3])
  move(id, to, reason)
  if to == 'dead' then file_again(id) end
  if o.replay then call('HSET', P .. 'r:' .. id, 'replay', o.replay) end
  note(id, cjson.encode({at = now, what = o.what, by = o.by, reason = o.replay and 'replay ' .. o.replay}))
  place(r[2], r[3])
  mark_placed(id, mark, now)
  if to == 'queued' then run_again(id, r[2], r[3], r[4]) end
  wake(r[2], o.wakeup, now) -- for the relay itself, or for what stood behind it
  return 'ok'
end

local function act_on_all(fits, to, reason, mark)
  local answers, set = {}, {}
  for _, word in ipairs(fits) do set[word] = true end
  for n, id in ipairs(o.ids) do
    answers[n] = act(id, set, to, reason, mark)
    if answers[n] == 'ok' then log_act(activity) end
  end
  return answers
end

-- On trial: the pause ends for one relay, and for all once that one is accepted. With `probe_at` only the pause ends
-- that was probed: another worker's sweep may have ended it meanwhile, and its trial have led to the next.
local function resume()
  local dest = P .. 'dest:' .. o.dest
  local standing = call('HGET', dest, 'paused:' .. o.endpoint)
  if o.probe_at and not (standing and cjson.decode(standing).probe_at == o.probe_at) then return 'not paused' end
  -- A person may have paused it, or ended the pause, while it was probed.
  if not o.by_hand and (not standing or cjson.decode(standing).manual) then return 'not paused' end
  local endpoints = o.endpoint == 'all' and ENDPOINTS or {o.endpoint}
  call('HDEL', dest, 'paused:' .. o.endpoint)
  if o.trial then
    for _, e in ipairs(endpoints) do call('HSET', dest, 'trial:' .. e, '') end
    call('HSET', dest, 'probed', now)
  else
    call('HDEL', dest, 'probes:' .. o.endpoint, 'trial:' .. o.endpoint)
    for _, e in ipairs(endpoints) do call('DEL', refused_lanes(o.dest, e)) end
  end
  wake(o.dest, o.wakeup, now)
  if not standing then return 'not paused' end
  log_act(activity)
  return 'ok'
end

-- The turn to probe a pause, with what the probe spends: each worker sweeps, and again while an answer is awaited.
-- Answers until when nobody else probes it, 0 where it is not to be probed now.
local function take_probe()
  call('DEL', P .. 'room') -- first: a full Redis lets the rest of the script through after it
  local dest, field = P .. 'dest:' .. o.dest, 'paused:' .. o.endpoint
  local standing = call('HGET', dest, field)
  standing = standing and cjson.decode(standing)
  if not standing or standing.manual or standing.probe_at ~= o.probe_at then return 0 end
  standing.probe_at = now + o.hold_ms
  call('HSET', dest, field, cjson.encode(standing))
  spend(P .. 'budget:' .. o.limits.key, now, o.leave_ms, call('INCR', P .. 'fence'), o.limits)
  return standing.probe_at
end

local function stop()
  local answer = pause(o.dest, o.endpoint, o.pause, o, now)
  if o.again then call('HSET', P .. 'dest:' .. o.dest, 'probed', now) end
  if answer == 'ok' then log_act(activity) end
  return answer
end

local function slow_down()
  local dest = P .. 'dest:' .. o.dest
  local until_ms = now + o.after_ms
  if tonumber(call('HGET', dest, 'not_before') or 0) < until_ms then
    call('HSET', dest, 'not_before', until_ms)
  end
  failed(o.dest, now)
  return 'ok'
end

-- What people decide about an issue: `field` is set to `value`, or taken away.
local function mark_issue()
  local key = P .. 'issue:' .. o.issue
  if call('EXISTS', key) == 0 then return 'unknown' end
  if o.value then call('HSET', key, o.field, o.value) else call('HDEL', key, o.field) end
  if o.field == 'muted' then call(o.value and 'SADD' or 'SREM', P .. 'muted', o.issue) end
  log_act(activity)
  return 'ok'
end

if verb == 'retry' then
  return act_on_all({'dead', 'held', 'retrying', 'ignored', 'delivered'}, 'queued', '', nil)
end
if verb == 'discard' then
  return act_on_all({'dead', 'held', 'retrying', 'queued'}, 'discarded', o.reason, 'discarded')
end
if verb == 'restore' then return act_on_all({'discarded'}, 'dead', o.reason, 'dead') end
if verb == 'pause' then return stop() end
if verb == 'resume' then return resume() end
if verb == 'mark_issue' then return mark_issue() end
if verb == 'note' then return log_act(activity) end
if verb == 'take_probe' then return take_probe() end
return slow_down()
