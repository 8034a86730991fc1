-- Ends a worker's promises up to a place in the log: they stand in the ledger.
-- KEYS as for append. ARGV: the worker's generation, its name, the place.
local log, ids, pending, workers, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local me = ARGV[2]
local ended = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', pending, '-inf', ARGV[3])) do
  if string.match(redis.call('HGET', ids, id), '%S+ %S+ (%S+)') == me then
    redis.call('ZREM', pending, id)
    ended = ended + 1
  end
end
local now = redis.call('TIME')[1]
if ended > 0 then
  local left, last = string.match(redis.call('HGET', workers, me), '(%S+) (%S+)')
  if tonumber(left) > ended then
    redis.call('HSET', workers, me, string.format('%d %s %s', tonumber(left) - ended, last, now))
  else
    redis.call('HDEL', workers, me)
  end
elseif redis.call('EXISTS', meta) == 1 and redis.call('HGET', meta, 'generation') ~= ARGV[1] then
  -- The ledger has what the log has not: for a while all look for such in the ledger.
  redis.call('HSET', meta, 'born', now)
end
return ended
