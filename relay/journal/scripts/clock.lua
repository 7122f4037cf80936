-- Milliseconds of Redis's own clock, so that hosts need not agree on theirs.
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
