-- What people did, by id and so by time; the oldest of too many are dropped.

local ACTS_KEPT = 20000

local function log_act(entry)
  if entry == '' then return end
  call('ZADD', P .. 'activity', 0, entry)
  call('ZREMRANGEBYRANK', P .. 'activity', 0, -ACTS_KEPT - 1)
end
