-- Puts events and labels at the end of the log and answers what others put there before.
-- One script is one step for everybody, so the log is the one order in which all workers fold.
-- KEYS: log, ids, pending, workers, meta (one slot: they share a hash tag).
-- ARGV: generation, worker, last entry seen, most entries answered, entries kept, seconds after
--       which a promise is overdue, milliseconds until an unused log expires; then for each item
--       its kind (e event, q event already known, l label), id, instant and content.
local log, ids, pending, workers, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local generation, me, seen = ARGV[1], ARGV[2], tonumber(ARGV[3])
local most, keep, patience = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

local about = redis.call('HMGET', meta, 'generation', 'seq', 'base', 'latest', 'born')
if about[1] ~= generation then return {'stale'} end
local seq, base, latest = tonumber(about[2]), tonumber(about[3]), tonumber(about[4])
if seen < base or seen > seq then return {'stale'} end

local others = {}
if seq > seen then
  others = redis.call('XRANGE', log, string.format('(%d-0', seen), '+', 'COUNT', most)
  if #others == most then return {'more', others} end
end

-- An instant that another worker has promised but not written is not given twice: the ledger,
-- which may get the two in either order, could not tell which was first.
local now = tonumber(redis.call('TIME')[1])
local least, overdue, mine, mylast = latest, 0, 0, '-9000000000000000'
local all = redis.call('HGETALL', workers)
for i = 1, #all, 2 do
  local count, last, since = string.match(all[i + 1], '(%S+) (%S+) (%S+)')
  if all[i] == me then
    mine, mylast = tonumber(count), last
  else
    if tonumber(last) == latest then least = latest + 1 end
    if now - tonumber(since) > patience then overdue = 1 end
  end
end

local answers, promised = {}, mine
for i = 8, #ARGV, 4 do
  local kind, id, instant = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local before = kind ~= 'l' and redis.call('HGET', ids, id)
  if before then
    answers[#answers + 1] = string.match(before, '%S+ (%S+)')
  elseif kind == 'q' then
    answers[#answers + 1] = ''
  else
    seq = seq + 1
    if kind == 'e' then
      instant = math.max(instant, least)
      least, latest, mylast = instant, instant, string.format('%d', instant)
    else
      -- Two labels may be on one event, and no id of an event begins with this byte.
      id = string.format('\193%d', seq)
      instant = math.max(instant, latest + 1)
    end
    redis.call('HSET', ids, id, string.format('%d %d %s', seq, instant, me))
    redis.call('ZADD', pending, seq, id)
    promised = promised + 1
    local stamp = string.format('%d', instant)
    redis.call('XADD', log, string.format('%d-0', seq), 'k', kind, 'i', id, 's', stamp,
      'p', ARGV[i + 3])
    answers[#answers + 1] = stamp
  end
end
if promised > mine then
  redis.call('HSET', workers, me, string.format('%d %s %d', promised, mylast, now))
end

-- Entries leave once there are enough of them, the oldest first, none that is only promised.
if seq - base > keep + 256 then
  local cut = seq - keep
  local first = redis.call('ZRANGE', pending, 0, 0, 'WITHSCORES')
  if first[2] then cut = math.min(cut, tonumber(first[2]) - 1) end
  if cut > base then
    local old = redis.call('XRANGE', log, '-', string.format('%d-0', cut), 'COUNT', 1024)
    for _, entry in ipairs(old) do
      redis.call('HDEL', ids, entry[2][4])
    end
    if #old == 1024 then cut = tonumber(string.match(old[1024][1], '%d+')) end
    base = cut
    redis.call('XTRIM', log, 'MINID', string.format('%d-0', base + 1))
  end
end

redis.call('HSET', meta, 'seq', string.format('%d', seq), 'base', string.format('%d', base),
  'latest', string.format('%d', latest))
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[7]) end
return {'ok', others, seq, answers, overdue, now - tonumber(about[5])}
