-- Answers up to which place of the log everything that others promised stands in the ledger.
-- KEYS as for append. ARGV: the worker's generation, its name.
local log, ids, pending, workers, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if redis.call('HGET', meta, 'generation') ~= ARGV[1] then return -1 end
if redis.call('HLEN', workers) > redis.call('HEXISTS', workers, ARGV[2]) then
  local promised = redis.call('ZRANGE', pending, 0, -1, 'WITHSCORES')
  for i = 1, #promised, 2 do
    if string.match(redis.call('HGET', ids, promised[i]), '%S+ %S+ (%S+)') ~= ARGV[2] then
      return tonumber(promised[i + 1]) - 1
    end
  end
end
return tonumber(redis.call('HGET', meta, 'seq'))
