-- Issues: the dead letters of one fingerprint (stage, adapter, kind, and the reason without what differs from
-- relay to relay). One that has no dead letter left is remembered for a while, and so whether it was muted.

local DAY, TREND_DAYS, ISSUE_KEPT = 86400000, 14, 7776000000

local function unfile(id)
  local issue = call('HGET', P .. 'r:' .. id, 'issue')
  if not issue then return end
  call('ZREM', P .. 'i:issue:' .. issue, id)
  if call('EXISTS', P .. 'i:issue:' .. issue) == 0 then
    call('ZREM', P .. 'issues', issue)
    call('PEXPIRE', P .. 'issue:' .. issue, ISSUE_KEPT)
  end
end

local function refile(id, issue, at)
  call('PERSIST', P .. 'issue:' .. issue)
  call('ZADD', P .. 'i:issue:' .. issue, 0, id)
  call('ZADD', P .. 'issues', at, issue)
end

local function count_day(key, now)
  local today = math.floor(now / DAY)
  if call('HINCRBY', key, 'd:' .. today, 1) > 1 then return end
  for _, field in ipairs(call('HKEYS', key)) do
    local day = tonumber(string.match(field, '^d:(%d+)$'))
    if day and day <= today - TREND_DAYS then call('HDEL', key, field) end
  end
end

local function file(id, title, now)
  local r = get(id, 'stage', 'adapter', 'kinds')
  local stage, adapter, kinds = r[1] or '', r[2], r[3] or ''
  local issue = string.sub(redis.sha1hex(table.concat({stage, adapter, kinds, title}, '\n')), 1, 12)
  local key = P .. 'issue:' .. issue
  call('HSET', P .. 'r:' .. id, 'issue', issue)
  if call('HSETNX', key, 'first', now) == 1 then
    call('HSET', key, 'stage', stage, 'adapter', adapter, 'kinds', kinds, 'title', title)
  end
  call('HSET', key, 'last', now)
  call('HINCRBY', key, 'ever', 1)
  count_day(key, now)
  refile(id, issue, now)
end

-- As it was filed before, without counting it again.
local function file_again(id)
  local issue = call('HGET', P .. 'r:' .. id, 'issue')
  local last = issue and call('HGET', P .. 'issue:' .. issue, 'last')
  if last then refile(id, issue, last) end
end
