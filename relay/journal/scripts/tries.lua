-- Tries at signing in, by digests of who tries. ARGV: verb, try, window_ms, then a digest and how many tries it
-- may have in the window, and so on. "take" counts a try beforehand, so that many at once are not all the first,
-- and answers 0; where there were too many it counts nothing and answers how long to wait. "give" takes it back,
-- and with it all tries of the first digest.

local verb, try, window = ARGV[1], ARGV[2], tonumber(ARGV[3])

local function key(i) return P .. 'tries:' .. ARGV[i] end

if verb == 'give' then
  call('DEL', key(4))
  for i = 6, #ARGV, 2 do call('ZREM', key(i), try) end
  return 0
end

local now, wait = now_ms(), 0
for i = 4, #ARGV, 2 do
  call('ZREMRANGEBYSCORE', key(i), '-inf', now - window)
  local blocking = call('ZREVRANGE', key(i), ARGV[i + 1] - 1, ARGV[i + 1] - 1, 'WITHSCORES')
  if blocking[2] then wait = math.max(wait, blocking[2] + window - now) end
end
if wait > 0 then return wait end
for i = 4, #ARGV, 2 do
  call('ZADD', key(i), now, try)
  call('PEXPIRE', key(i), window)
end
return 0
