import { Script } from '../redis/script.js'
import { keptKeys, keptMs } from './log-limits.js'

/*
 * What the log is made of in Redis, each name behind the prefix:
 *
 *   events      stream  an entry for each event, its id `<sequence>-0`: `h` the routing header as JSON,
 *                       at its end the mark (epoch, time, who appended it in which group); `d` the data
 *   meta        hash    `lives`, a line `<epoch> <first> [<sure>]` for each; `epoch`, the last of them;
 *                       `head` and `mark` of the newest event; `first` retained; `bytes`; `time`;
 *                       `format`, once there is another than the first
 *   t:TOPIC     list    the sequences of a topic; of a user: u:USER
 *   keys        hash    by key `<digest> <epoch> <sequence> <time>`; keyorder is a list of
 *                       `<sequence> <key>`, the oldest first
 *   node:NODE   hash    of each node, the answers of its newest groups; what is up to `floor` is dead
 *   canary:NODE stream  what a node has to see come round
 *   notes       stream  what the nodes tell each other: which events were deleted, whom was revoked
 *   revoked     hash    up to which second, by user
 *
 * Each script is one step; `#!lua` has Redis refuse it whole where it may not write (out of memory, a
 * replica, a disk that fails). With `allow-oom` it is not refused for want of memory: what frees some, or
 * writes next to nothing and others wait for. Its first argument is the prefix.
 */

/** How long what belongs to one node outlives it, in milliseconds. */
const nodeMs = 3_600_000
/** How many notes are kept for nodes that were away for a moment. */
const keptNotes = 200

/**
 * Appends the pushes of one group. Arguments: epoch, node, number of the group; then for each push
 * the number of events, and for each of these header (without its closing brace), data, key, digest,
 * number of names, names (`t:TOPIC`, `u:USER`).
 *
 * Answers `fenced` where the log is of another epoch, `dead` where the group was given up, else the
 * epoch and for each push a word: the first sequence; `!` and the index of the event whose key was used
 * for another; or, with repeats, `=` and for each event its sequence, or `<epoch>/<sequence>` of the
 * first, with commas.
 */
export const appendScript = new Script(`#!lua
local P, epoch, node, number = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local meta, events, own = P .. 'meta', P .. 'events', P .. 'node:' .. node
local keys, order = P .. 'keys', P .. 'keyorder'
local state = redis.call('HMGET', meta, 'epoch', 'head', 'bytes', 'time')
if state[1] ~= epoch then return 'fenced' end
if number <= tonumber(redis.call('HGET', own, 'floor') or '0') then return 'dead' end
local text = function(n) return string.format('%.0f', n) end
local clock = redis.call('TIME')
local now = math.max(clock[1] * 1000 + math.floor(clock[2] / 1000), tonumber(state[4]))
local head, bytes, fresh = tonumber(state[2]), tonumber(state[3]), 0
local mark = '"epoch":"' .. epoch .. '","time":' .. text(now) .. ',"by":"' .. node .. '.' .. ARGV[4] .. '"}'

local function known(key)
  local entry = redis.call('HGET', keys, key)
  if not entry then return nil end
  local digest, inEpoch, sequence, time = string.match(entry, '^(%S+) (%S+) (%d+) (%d+)$')
  if tonumber(time) < now - ${keptMs} then return nil end
  return digest, inEpoch .. '/' .. sequence
end

local function conflict(at, n)
  local inPush = {}
  for i = 0, n - 1 do
    local key, digest = ARGV[at + 2], ARGV[at + 3]
    if key ~= '' then
      local first = inPush[key] or known(key)
      if first and first ~= digest then return i end
      inPush[key] = digest
    end
    at = at + 5 + ARGV[at + 4]
  end
end

local answer, at, count = { epoch }, 5, #ARGV
while at <= count do
  local n = tonumber(ARGV[at])
  at = at + 1
  local refused = conflict(at, n)
  if refused then answer[#answer + 1] = '!' .. refused end
  local places, repeats, start = {}, false, text(head + 1)
  for i = 1, n do
    local names = tonumber(ARGV[at + 4])
    if not refused then
      local key, place = ARGV[at + 2], nil
      if key ~= '' then
        local _
        _, place = known(key)
      end
      if place then
        repeats = true
      else
        head = head + 1
        place = text(head)
        local header = ARGV[at] .. ',' .. mark
        redis.call('XADD', events, place .. '-0', 'h', header, 'd', ARGV[at + 1])
        for name = at + 5, at + 4 + names do redis.call('RPUSH', P .. ARGV[name], place) end
        bytes = bytes + #header + #ARGV[at + 1] + 64 + 24 * names
        if key ~= '' then
          fresh = fresh + 1
          redis.call('HSET', keys, key, ARGV[at + 3] .. ' ' .. epoch .. ' ' .. place .. ' ' .. text(now))
          redis.call('RPUSH', order, place .. ' ' .. key)
        end
      end
      places[i] = place
    end
    at = at + 5 + names
  end
  if not refused then answer[#answer + 1] = repeats and '=' .. table.concat(places, ',') or start end
end

if fresh > 0 then
  local most = redis.call('LLEN', order) - ${keptKeys}
  for i = 1, 2 * fresh + 8 do
    local sequence, key = string.match(redis.call('LINDEX', order, 0), '^(%d+) (.*)$')
    local entry = redis.call('HGET', keys, key)
    local of, time = string.match(entry or '', '^%S+ %S+ (%d+) (%d+)$')
    local isOwn = of == sequence
    if isOwn and i > most and tonumber(time) >= now - ${keptMs} then break end
    redis.call('LPOP', order)
    if isOwn then redis.call('HDEL', keys, key) end
    if redis.call('LLEN', order) == 0 then break end
  end
end
redis.call('HSET', meta, 'head', text(head), 'bytes', text(bytes), 'time', text(now))
-- Of a group of which nothing is new the newest event is not.
if head > tonumber(state[2]) then redis.call('HSET', meta, 'mark', mark) end
local reply = table.concat(answer, ' ')
redis.call('HSET', own, ARGV[4], reply)
redis.call('HDEL', own, number - 16)
redis.call('PEXPIRE', own, ${nodeMs})
return reply
`)

/**
 * What became of groups. Arguments: node, numbers of groups, the highest last. Answers for each what
 * the append answered, or null; from now on none of those can be appended any more.
 */
export const settleScript = new Script(`#!lua flags=allow-oom
local own, numbers = ARGV[1] .. 'node:' .. ARGV[2], {}
for i = 3, #ARGV do numbers[#numbers + 1] = ARGV[i] end
local answers = redis.call('HMGET', own, unpack(numbers))
redis.call('HSET', own, 'floor', numbers[#numbers])
redis.call('PEXPIRE', own, ${nodeMs})
return answers
`)

/**
 * Where the log stands. Arguments: a sequence. Answers lives, head, first, the header of that sequence
 * (or, of the head, its mark), and the id of the newest note; null where there is no log.
 */
export const lookScript = new Script(`#!lua flags=no-writes
local P, at = ARGV[1], ARGV[2]
local state = redis.call('HMGET', P .. 'meta', 'lives', 'head', 'first', 'mark')
if not state[1] then return false end
local header = false
if at == state[2] then
  header = state[4]
else
  local entry = redis.call('XRANGE', P .. 'events', at .. '-0', at .. '-0')[1]
  header = entry and entry[2][2] or false
end
local note = redis.call('XREVRANGE', P .. 'notes', '+', '-', 'COUNT', 1)[1]
return { state[1], state[2], state[3], header, note and note[1] or '0-0' }
`)

/**
 * Sets the lives of the log, where they are still as they were read. Arguments: how they were, how
 * they are to be, and the epoch of a new life that begins behind them; empty for none. Answers 1 or 0.
 */
export const livesScript = new Script(`#!lua flags=allow-oom
local P, before, lives, epoch = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local meta, events = P .. 'meta', P .. 'events'
if (redis.call('HGET', meta, 'lives') or '') ~= before then return 0 end
if epoch == '' then
  redis.call('HSET', meta, 'lives', lives)
  return 1
end
local state = redis.call('HMGET', meta, 'head', 'bytes', 'time', 'mark')
local newest = redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1]
local oldest = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
local last = newest and string.match(newest[1], '^%d+') or '0'
local head = string.format('%.0f', math.max(tonumber(state[1] or '0'), tonumber(last)))
local next = string.format('%.0f', tonumber(head) + 1)
local first = oldest and string.match(oldest[1], '^%d+') or next
redis.call('HSET', meta, 'lives', (lives == '' and '' or lives .. '\\n') .. epoch .. ' ' .. next,
  'epoch', epoch, 'head', head, 'first', first, 'bytes', state[2] or '0', 'time', state[3] or '0',
  'mark', state[4] or '')
return 1
`)

/** Sends a canary on its way. Arguments: node. Answers lives and first; null where there is no log. */
export const tickScript = new Script(`#!lua
local canary = ARGV[1] .. 'canary:' .. ARGV[2]
redis.call('XADD', canary, 'MAXLEN', 1, '*', 'c', '')
redis.call('PEXPIRE', canary, 60000)
local state = redis.call('HMGET', ARGV[1] .. 'meta', 'lives', 'first')
return state[1] and state
`)

/**
 * Deletes the oldest events that are not to be retained. Arguments: how many events are, for how many
 * milliseconds (0: as long as there is room), how many bytes; and how many may be deleted at once.
 * Answers how many were.
 */
export const trimScript = new Script(`#!lua flags=allow-oom
local P, events, time, bytes, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local meta = P .. 'meta'
local state = redis.call('HMGET', meta, 'head', 'bytes')
if not state[1] then return 0 end
local clock = redis.call('TIME')
local since = time == 0 and 0 or clock[1] * 1000 + math.floor(clock[2] / 1000) - time
local head, kept, gone, last = tonumber(state[1]), tonumber(state[2]), {}, nil
local function isDue(entry)
  local at = tonumber(string.match(entry[2][2], '"time":(%d+),"by":"[^"]*"}$'))
  return head - tonumber(string.match(entry[1], '^%d+')) >= events or kept > bytes or at < since
end
local oldest = redis.call('XRANGE', P .. 'events', '-', '+', 'COUNT', 1)[1]
if not oldest or not isDue(oldest) then return 0 end
for _, entry in ipairs(redis.call('XRANGE', P .. 'events', '-', '+', 'COUNT', most)) do
  if not isDue(entry) then break end
  local sequence = string.match(entry[1], '^%d+')
  local header, data = entry[2][2], entry[2][4]
  local names, parsed = 0, cjson.decode(header)
  for kind, list in pairs({ ['t:'] = parsed.topics or {}, ['u:'] = parsed.users or {} }) do
    for _, name in ipairs(list) do
      names = names + 1
      if redis.call('LINDEX', P .. kind .. name, 0) == sequence then redis.call('LPOP', P .. kind .. name) end
    end
  end
  kept = kept - (#header + #data + 64 + 24 * names)
  gone[#gone + 1] = { tonumber(sequence), parsed.topics or cjson.null, parsed.users or cjson.null }
  last = sequence
end
if not last then return 0 end
local first = string.format('%.0f', tonumber(last) + 1)
redis.call('XTRIM', P .. 'events', 'MINID', first .. '-0')
redis.call('HSET', meta, 'first', first, 'bytes', string.format('%.0f', math.max(0, kept)))
redis.call('XADD', P .. 'notes', 'MAXLEN', ${keptNotes}, '*', 'gone', cjson.encode(gone))
return #gone
`)

/** The next sequence of names. Arguments: from which on, names. Answers it, or null. */
export const nextScript = new Script(`#!lua flags=no-writes
local from, best = tonumber(ARGV[2]), nil
for i = 3, #ARGV do
  local list = ARGV[1] .. ARGV[i]
  local low, high = 0, redis.call('LLEN', list)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if tonumber(redis.call('LINDEX', list, middle)) < from then low = middle + 1 else high = middle end
  end
  local sequence = tonumber(redis.call('LINDEX', list, low) or nil)
  if sequence and (not best or sequence < best) then best = sequence end
end
return best and string.format('%.0f', best)
`)

/** The newest sequences of names. Arguments: how many, names. Answers a list for each name. */
export const newestScript = new Script(`#!lua flags=no-writes
local lists = {}
for i = 3, #ARGV do lists[#lists + 1] = redis.call('LRANGE', ARGV[1] .. ARGV[i], -tonumber(ARGV[2]), -1) end
return lists
`)

/** Keeps revocations. Arguments: user and second in turn; one without a second is forgotten. */
export const revokeScript = new Script(`#!lua flags=allow-oom
local P, changes = ARGV[1], {}
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', P .. 'revoked', ARGV[i])
  else
    redis.call('HSET', P .. 'revoked', ARGV[i], ARGV[i + 1])
  end
end
for i = 2, #ARGV do changes[#changes + 1] = ARGV[i] end
redis.call('XADD', P .. 'notes', 'MAXLEN', ${keptNotes}, '*', 'revoked', cjson.encode(changes))
return 1
`)

/**
 * Reads entries in their order. Arguments: the first and the last sequence. Answers them, or fewer
 * once they are large.
 */
export const readScript = new Script(`#!lua flags=no-writes
local from, last, entries, size = tonumber(ARGV[2]), ARGV[3] .. '-0', {}, 0
while size < 1048576 do
  local part = redis.call('XRANGE', ARGV[1] .. 'events', string.format('%.0f-0', from), last, 'COUNT', 32)
  for _, entry in ipairs(part) do
    entries[#entries + 1] = entry
    size = size + #entry[2][2] + #entry[2][4]
  end
  if #part < 32 then break end
  from = tonumber(string.match(part[32][1], '^%d+')) + 1
end
return entries
`)
