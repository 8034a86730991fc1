-- Answers where the log stands, and what is only promised; starts a new log where there is none,
-- or where the server is not the one that began it: it may have lost the end.
-- KEYS as for append. ARGV: the server's run, a new generation.
local log, ids, pending, workers, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local now = tonumber(redis.call('TIME')[1])
if redis.call('HGET', meta, 'run') ~= ARGV[1] then
  redis.call('DEL', log, ids, pending, workers, meta)
  redis.call('HSET', meta, 'run', ARGV[1], 'generation', ARGV[2], 'seq', '0', 'base', '0',
    'latest', '-9000000000000000', 'born', now)
end
local promised = {}
for _, id in ipairs(redis.call('ZRANGE', pending, 0, -1)) do
  local worker = string.match(redis.call('HGET', ids, id), '%S+ %S+ (%S+)')
  local since = string.match(redis.call('HGET', workers, worker), '%S+ %S+ (%S+)')
  promised[#promised + 1] = {id, worker, now - tonumber(since)}
end
return {redis.call('HGET', meta, 'generation'), tonumber(redis.call('HGET', meta, 'base')), promised}
