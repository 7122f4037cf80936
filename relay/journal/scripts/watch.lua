-- One process at a time watches for trouble, and it alone writes which alerts stand.
-- ARGV: verb, token, hold_ms, book. "take" answers {now, book} where nobody holds the watch, else nil; "keep"
-- writes the book and holds on for hold_ms, and answers 0 where another has taken over.

local verb, token, hold_ms, book = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local key, written = P .. 'watch', P .. 'alerts'

if verb == 'take' then
  if call('EXISTS', key) == 1 then return nil end
  call('SET', key, token, 'PX', hold_ms)
  return {now_ms(), call('GET', written) or ''}
end
if call('GET', key) ~= token then return 0 end
call('PEXPIRE', key, hold_ms)
call('SET', written, book)
return 1
