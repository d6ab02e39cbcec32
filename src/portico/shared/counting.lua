-- What `counts.py` does, in Valkey; the tests hold the two to the same answers.
-- ARGV: a batch as JSON, the prefix of all keys, the channel of news. Returns a reply as JSON.
-- Whoever has not called for ALIVE milliseconds has ended: its places are free.
local batch, prefix, channel = cjson.decode(ARGV[1]), ARGV[2], ARGV[3]
local MINUTE, SPARE, TURN, SOON, ALIVE = 60, 16, 0.25, 1, 3000
local who = batch.who
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local second = math.floor(now)

local function places_of(name) return prefix .. 'places:' .. name end
local function window_of(name) return prefix .. 'window:' .. name end
local function turns_of(name) return prefix .. 'turns:' .. name end
local function alive_of(other) return prefix .. 'alive:' .. other end
local holding = prefix .. 'holding:' .. who

local function pairs_of(key)
  local flat, found = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do found[flat[i]] = flat[i + 1] end
  return found
end

local function put(name, count)
  if count > 0 then
    redis.call('HSET', places_of(name), who, count)
    redis.call('SADD', holding, name)
  else
    redis.call('HDEL', places_of(name), who)
    redis.call('SREM', holding, name)
  end
end

local function used(ask)
  local sum = 0
  if not ask.window then
    for other, count in pairs(pairs_of(places_of(ask.name))) do
      if other == who or redis.call('EXISTS', alive_of(other)) == 1 then
        sum = sum + tonumber(count)
      else
        redis.call('HDEL', places_of(ask.name), other)
      end
    end
    return sum
  end
  for cell, units in pairs(pairs_of(window_of(ask.name))) do
    if tonumber(cell) + MINUTE + 1 <= now then
      redis.call('HDEL', window_of(ask.name), cell)
    else
      sum = sum + tonumber(units)
    end
  end
  return sum
end

local function turns(ask)
  local mine, found, ahead, others = now, pairs_of(turns_of(ask.name)), 0, 0
  for other, text in pairs(found) do
    local first, last = string.match(text, '^(%S+) (%S+)$')
    if tonumber(last) + TURN <= now then
      redis.call('HDEL', turns_of(ask.name), other)
      found[other] = nil
    else
      found[other] = tonumber(first)
    end
  end
  mine = found[who] or now
  for other, first in pairs(found) do
    if other ~= who then
      others = others + 1
      if first < mine then ahead = ahead + 1 end
    end
  end
  return ahead, others, mine
end

local function wait(ask)
  if not ask.window then return SOON end
  local cells, left = {}, 0
  for cell, units in pairs(pairs_of(window_of(ask.name))) do
    table.insert(cells, {tonumber(cell), tonumber(units)})
    left = left + tonumber(units)
  end
  table.sort(cells, function(one, other) return one[1] < other[1] end)
  for _, cell in ipairs(cells) do
    left = left - cell[2]
    if left < ask.most then return math.max(0, cell[1] + MINUTE + 1 - now) end
  end
  return MINUTE
end

local function take(ask)
  local _, others = turns(ask)
  redis.call('HDEL', turns_of(ask.name), who)
  local spare = 0
  if others == 0 then
    spare = math.max(0, math.floor((ask.most - used(ask) - ask.want) / SPARE))
  end
  if not ask.window then
    local had = tonumber(redis.call('HGET', places_of(ask.name), who) or '0')
    put(ask.name, had + ask.want + spare)
    return 0, spare
  end
  redis.call('HINCRBY', window_of(ask.name), second, ask.want)
  if spare > 0 then redis.call('HINCRBY', window_of(ask.name), second + 1, spare) end
  redis.call('EXPIRE', window_of(ask.name), MINUTE + 5)
  return second, spare
end

local function draw(asks)
  for which, ask in ipairs(asks) do
    local ahead, _, first = turns(ask)
    if ask.most - used(ask) <= ahead then
      if ask.queue then
        redis.call('HSET', turns_of(ask.name), who, string.format('%.6f %.6f', first, now))
        redis.call('PEXPIRE', turns_of(ask.name), 2000)
      end
      return {short = {which - 1, wait(ask)}}
    end
  end
  local cells, spares = {}, {}
  for i, ask in ipairs(asks) do cells[i], spares[i] = take(ask) end
  return {lent = {cells, spares}}
end

local function named(ask)
  return {name = ask[1], most = ask[2], want = ask[3], window = ask[4], queue = ask[5]}
end

redis.call('SET', alive_of(who), 1, 'PX', ALIVE)
local board = nil
if batch.holds and batch.holds ~= cjson.null then
  for _, name in ipairs(redis.call('SMEMBERS', holding)) do put(name, 0) end
  for name, count in pairs(batch.holds) do put(name, count) end
  board = pairs_of(prefix .. 'board')
end
for _, back in ipairs(batch.backs or {}) do
  local name, cell, units = back[1], back[2], back[3]
  if cell == 0 then
    put(name, tonumber(redis.call('HGET', places_of(name), who) or '0') - units)
  elseif redis.call('HEXISTS', window_of(name), cell) == 1 then
    redis.call('HINCRBY', window_of(name), cell, -units)
  end
end
for _, say in ipairs(batch.says or {}) do
  if say[3] then
    if say[2] == cjson.null then
      redis.call('HDEL', prefix .. 'board', say[1])
    else
      redis.call('HSET', prefix .. 'board', say[1], say[2])
    end
  end
  redis.call('PUBLISH', channel, cjson.encode({who, say}))
end
redis.call('EXPIRE', holding, 86400)

local drawn = {}
for i, asks in ipairs(batch.draws or {}) do
  local wanted = {}
  for j, ask in ipairs(asks) do wanted[j] = named(ask) end
  drawn[i] = draw(wanted)
end
local parts = {}
for i, one in ipairs(drawn) do
  if one.short then
    parts[i] = string.format('{"short":["Short",%d,%.6f]}', one.short[1], one.short[2])
  else
    local lent = one.lent
    parts[i] = string.format('{"lent":[[%s],[%s]]}',
      table.concat(lent[1], ','), table.concat(lent[2], ','))
  end
end
local told = '{"drawn":[' .. table.concat(parts, ',') .. ']'
if board then
  if next(board) == nil then told = told .. ',"board":{}'
  else told = told .. ',"board":' .. cjson.encode(board) end
end
return told .. '}'
