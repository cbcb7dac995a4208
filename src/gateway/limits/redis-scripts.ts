/**
 * The decisions of `rows.ts` in Lua, which a Redis-protocol server runs one at a time and whole: a decision is one round trip, and no other comes
 * between. Buckets are fields of one hash, so every key that a script touches is named before it runs, and all stand in one slot. Numbers go as text of
 * 17 digits, which is the double itself. `bucket-store.laws.ts` holds it against `rows.ts`.
 */
import { neverMs, slack } from "./bucket.ts";
import { lateMs } from "./bucket-store.ts";

/**
 * buckets: id -> "level held at empty"; ids: the same ids in order; taken: reservation -> [owner, expires, lines], packed; ends, late: reservations by
 * the end of their life, those that hold and those that were given back; owners: by the end of their lease; usage: what waits for the records;
 * moving: what is on its way there, and under the field "" the name of that move.
 */
export const keyNames = ["buckets", "ids", "taken", "ends", "late", "owners", "usage", "moving"] as const;

/** ARGV[1] is the clock in ms, or empty: the server's. */
const head = `
local buckets, ids, taken, ends, late, owners, usage, moving = unpack(KEYS)
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000 + t[2] / 1000
end
local function text(x) return string.format('%.17g', x) end
local function get(id)
  local level, held, at = string.match(redis.call('HGET', buckets, id) or '', '^(%S+) (%S+) (%S+)')
  return { id = id, isNew = not level, level = tonumber(level) or 0, held = tonumber(held) or 0, at = tonumber(at) or 0 }
end
-- bucket.ts: levelAt
local function levelAt(s, leak) return math.max(0, s.level - math.max(0, now - s.at) * leak) end
-- bucket.ts: emptyMs
local function put(s, level, held, leak, endsAt)
  local empty = now
  if leak > 0 then empty = now + level / leak
  elseif level > 0 then empty = endsAt or ${neverMs} end
  redis.call('HSET', buckets, s.id, text(level) .. ' ' .. text(held) .. ' ' .. text(math.max(s.at, now)) .. ' ' .. text(empty))
  if s.isNew then redis.call('ZADD', ids, 0, s.id) end
end
`;

/**
 * ARGV: clock, owner, lease in ms, asks [{ id, t: life in ms, l: [{ b: bucket, c: capacity, r: leak, g: charge, h: hold, e: enforce, z: ends }] }].
 * Gives the clock, then of each ask whether it was granted and of each line its level, what is held and whether it fits.
 */
const reserve = `${head}
local owner = ARGV[2]
-- whoever was taken for dead and asks again lives
redis.call('ZADD', owners, 'NX', text(now + ARGV[3]), owner)
local reply = { text(now) }
for _, ask in ipairs(cjson.decode(ARGV[4])) do
  local seen, granted = {}, true
  for i, l in ipairs(ask.l) do
    local s = get(l.b)
    local level = levelAt(s, l.r)
    local isFit = level + s.held + l.g + l.h <= l.c + ${slack}
    seen[i] = { s = s, level = level, isFit = isFit }
    if l.e and not isFit then granted = false end
  end
  local told, lines = { granted and '1' or '0' }, {}
  for i, l in ipairs(ask.l) do
    local s, level, held, isFit = seen[i].s, seen[i].level, seen[i].s.held, seen[i].isFit
    if granted and isFit then
      local endsAt = l.z ~= cjson.null and l.z or false
      level, held = level + l.g, held + l.h
      put(s, level, held, l.r, endsAt)
      lines[#lines + 1] = { l.b, l.h, l.g, l.r, endsAt }
    end
    told[#told + 1] = text(level)
    told[#told + 1] = text(held)
    told[#told + 1] = isFit and '1' or '0'
  end
  if #lines > 0 then
    local expires = now + ask.t
    redis.call('HSET', taken, ask.id, cmsgpack.pack({ owner, expires, lines }))
    redis.call('ZADD', ends, text(expires), ask.id)
  end
  reply[#reply + 1] = told
end
return reply`;

/** ARGV: clock, asks [{ id, d: { bucket: delta } or null for cancel, k: whether it took lines, u: [field, six sums] or null }]. */
const settle = `${head}
for _, ask in ipairs(cjson.decode(ARGV[2])) do
  local packed = redis.call('HGET', taken, ask.id)
  if packed then
    for _, l in ipairs(cmsgpack.unpack(packed)[3]) do
      local s = get(l[1])
      local delta
      if ask.d == cjson.null then delta = -l[3] else delta = ask.d[l[1]] or 0 end
      put(s, math.max(0, levelAt(s, l[4]) + delta), math.max(0, s.held - l[2]), l[4], l[5])
    end
    redis.call('HDEL', taken, ask.id)
    redis.call('ZREM', ends, ask.id)
    redis.call('ZREM', late, ask.id)
  end
  if ask.u ~= cjson.null and (packed or not ask.k) then
    local sums, i = {}, 1
    for n in string.gmatch(redis.call('HGET', usage, ask.u[1]) or '0 0 0 0 0 0', '%S+') do
      sums[i] = text(tonumber(n) + ask.u[i + 1])
      i = i + 1
    end
    redis.call('HSET', usage, ask.u[1], table.concat(sums, ' '))
  end
end
return redis.status_reply('OK')`;

/** ARGV: clock, owner, lease in ms. */
const sweep = `${head}
redis.call('ZADD', owners, text(now + ARGV[3]), ARGV[2])
local sums = {}
local function lapse(id, row)
  for _, l in ipairs(row[3]) do
    if l[2] > 0 then
      local sum = sums[l[1]] or { 0, 0, false }
      sums[l[1]] = { sum[1] + l[2], math.max(sum[2], l[4]), l[5] and math.max(sum[3] or 0, l[5]) or sum[3] }
      l[2] = 0
    end
  end
  -- the row stays, holding nothing, so that a late settlement still counts once
  redis.call('HSET', taken, id, cmsgpack.pack(row))
  redis.call('ZREM', ends, id)
  redis.call('ZADD', late, text(row[2]), id)
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', text(now))) do
  local packed = redis.call('HGET', taken, id)
  if packed then lapse(id, cmsgpack.unpack(packed)) else redis.call('ZREM', ends, id) end
end
local isDead, numDead = {}, 0
for _, owner in ipairs(redis.call('ZRANGEBYSCORE', owners, '-inf', text(now))) do
  isDead[owner] = true
  numDead = numDead + 1
end
if numDead > 0 then
  local all = redis.call('HGETALL', taken)
  for i = 1, #all, 2 do
    local row = cmsgpack.unpack(all[i + 1])
    if isDead[row[1]] and redis.call('ZSCORE', ends, all[i]) then lapse(all[i], row) end
  end
  redis.call('ZREMRANGEBYSCORE', owners, '-inf', text(now))
end
for id, sum in pairs(sums) do
  local s = get(id)
  put(s, levelAt(s, sum[2]), math.max(0, s.held - sum[1]), sum[2], sum[3])
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', late, '-inf', text(now - ${lateMs}))) do
  redis.call('HDEL', taken, id)
  redis.call('ZREM', late, id)
end
return redis.status_reply('OK')`;

/** A page of buckets. ARGV: clock, id behind which it begins or empty, how many. */
const page = `${head}
local found = redis.call('ZRANGEBYLEX', ids, ARGV[2] == '' and '-' or '(' .. ARGV[2], '+', 'LIMIT', 0, ARGV[3])
local rows = {}
if #found > 0 then rows = redis.call('HMGET', buckets, unpack(found)) end
`;

/** Gives the clock, then ids and rows in turn. */
const list = `${page}
local reply = { text(now) }
for i, id in ipairs(found) do
  reply[#reply + 1] = id
  reply[#reply + 1] = rows[i]
end
return reply`;

/** Drops what is empty of a page. Gives the last id of it; empty where it was the last page. */
const forget = `${page}
for i, id in ipairs(found) do
  local held, empty = string.match(rows[i], '^%S+ (%S+) %S+ (%S+)')
  if tonumber(held) <= 0 and tonumber(empty) <= now then
    redis.call('HDEL', buckets, id)
    redis.call('ZREM', ids, id)
  end
end
return #found < tonumber(ARGV[3]) and '' or found[#found]`;

/** What waits becomes a move of the name ARGV[2], or the move before goes on that did not come to its end. Gives it: fields and values in turn. */
const take = `${head}
if redis.call('EXISTS', moving) == 0 then
  if redis.call('EXISTS', usage) == 0 then return {} end
  redis.call('RENAME', usage, moving)
  redis.call('HSET', moving, '', ARGV[2])
end
return redis.call('HGETALL', moving)`;

/** The move of the name ARGV[2] has arrived. */
const arrived = `${head}
if redis.call('HGET', moving, '') == ARGV[2] then redis.call('DEL', moving) end
return redis.status_reply('OK')`;

export const redisScripts = { reserve, settle, sweep, list, forget, take, arrived } as const;
export type ScriptName = keyof typeof redisScripts;
