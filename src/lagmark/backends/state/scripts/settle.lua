-- Ends promises: of events that stand in the ledger, or of such that never will.
-- KEYS as for append. ARGV: a new generation, or nothing if the events stand in the ledger; then
-- the ids. Dropped events leave the log; whoever folded them has to begin again.
local log, ids, pending, workers, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local generation = ARGV[1]
local now = tonumber(redis.call('TIME')[1])
local ended, dropped, lost = {}, 0, false
for i = 2, #ARGV do
  local entry = redis.call('HGET', ids, ARGV[i])
  if not entry then
    lost = true
  elseif redis.call('ZREM', pending, ARGV[i]) == 1 then
    local seq, worker = string.match(entry, '(%S+) %S+ (%S+)')
    ended[worker] = (ended[worker] or 0) + 1
    if generation ~= '' then
      redis.call('XDEL', log, seq .. '-0')
      redis.call('HDEL', ids, ARGV[i])
      dropped = dropped + 1
    end
  end
end
for worker, count in pairs(ended) do
  local left, last = string.match(redis.call('HGET', workers, worker), '(%S+) (%S+)')
  if tonumber(left) > count then
    redis.call('HSET', workers, worker,
      string.format('%d %s %d', tonumber(left) - count, last, now))
  else
    redis.call('HDEL', workers, worker)
  end
end
-- The ledger has an event that the log has not: for a while all look for such in the ledger.
if lost and generation == '' and redis.call('EXISTS', meta) == 1 then
  redis.call('HSET', meta, 'born', now)
end
if dropped > 0 then redis.call('HSET', meta, 'generation', generation) end
return dropped
