-- Ends promises that were looked up: of what stands in the ledger, or of what never will.
-- KEYS as for append. ARGV: a new generation, or nothing if all stands in the ledger; then the
-- ids. What is dropped leaves the log; whoever folded it has to begin again.
local log, ids, pending, workers, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local generation = ARGV[1]
local now = tonumber(redis.call('TIME')[1])
local ended, dropped = {}, 0
for i = 2, #ARGV do
  local entry = redis.call('HGET', ids, ARGV[i])
  if entry and redis.call('ZREM', pending, ARGV[i]) == 1 then
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
if dropped > 0 then redis.call('HSET', meta, 'generation', generation) end
return dropped
