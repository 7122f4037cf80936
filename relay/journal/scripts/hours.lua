-- What was received, delivered and dead in each hour, by source, for charts and habits.

local HOUR, HOURS_KEPT = 3600000, 777600000

local function tally(source, word, at)
  local key = P .. 'hour:' .. math.floor(at / HOUR)
  if call('HINCRBY', key, source .. ':' .. word, 1) == 1 then call('PEXPIRE', key, HOURS_KEPT) end
end
