local id = proto.name:lower()
local malformed = ProtoExpert.new(
  id .. ".malformed", "Not as the specification says", expert.group.MALFORMED, expert.severity.ERROR
)
local breach = ProtoExpert.new(
  id .. ".breach", "A broken rule that moves nothing", expert.group.PROTOCOL, expert.severity.WARN
)
proto.experts = { malformed, breach }
f.body = ProtoField.bytes(id .. ".body", "body", base.NONE, "as many bytes as CONTENT_LENGTH says")
f.surplus = ProtoField.bytes(id .. ".surplus", "surplus", base.NONE, "bytes that belong to no request")

-- A tree is nil while only lengths are wanted.
local function add(tree, field, range, ...)
  return tree and tree:add(field, range, ...)
end

local function add_le(tree, field, range)
  return tree and tree:add_le(field, range)
end

-- Every byte is a character: nothing is lost.
local function add_text(tree, field, range)
  return tree and tree:add_packet_field(field, range, ENC_ISO_8859_1)
end

-- Tell of a broken rule; `level` is `breach` or `malformed`.
local function tell(item, text, level)
  if item then
    item:add_proto_expert_info(level or breach, text)
  end
end

-- buf(at, 0) at the very end is out of bounds.
local function span(buf, at, length)
  if length == 0 and at >= buf:len() then
    return buf(at - 1, 0)
  end
  return buf(at, length)
end

local function find(buf, at, stop, byte)
  for there = at, stop - 1 do
    if buf(there, 1):uint() == byte then
      return there
    end
  end
end

-- The number and the offset behind its end; nil and nil where more may come, nil and 0 where it is none.
local function decimal(buf, at, stop, ended)
  local there = find(buf, at, math.min(stop, at + 11), ended)
  local digits = buf(at, (there or math.min(stop, at + 11)) - at):raw()
  if not digits:match("^%d*$") or (there and digits == "") or #digits > 10 then
    return nil, 0
  end
  return there and tonumber(digits), there and there + 1
end

-- Mark the rest as a fault; nothing more is read.
local function wrong(buf, at, stop, tree, field, what)
  tell(tree, what .. ": cut off, or not what it should be", malformed)
  return nil
end

-- `said` has the values by their names, and the names by their numbers; said[0]: the body's end is in doubt.
local function judge(item, said, name, value)
  local before = said[name]
  local length, other = name == "CONTENT_LENGTH", before and (tonumber(before) or 0) ~= (tonumber(value) or 0)
  if length and (other or not value:match("^%d*$")) then
    said[0] = true
    local text = other and "not the same as before" or "no decimal number"
    tell(item, "CONTENT_LENGTH is " .. text .. ": the body's end is in doubt", malformed)
  elseif before and (length or strict) then
    tell(item, name .. " stands twice")
  elseif strict and length and said[1] then
    tell(item, "CONTENT_LENGTH is not the first")
  elseif strict and (name == "" or length and value == "") then
    tell(item, name == "" and "a name is empty" or "CONTENT_LENGTH is empty")
  end
end

-- What a name and its value are shown as.
local function paired(item, length, said, name, value, at)
  judge(item, said, name, value)
  said[name], said[#said + 1] = value, name
  if item then
    item:set_text(name .. ": " .. value)
    item:set_len(length)
  end
  return at
end

-- HERE the readers

-- How protocols begin. CGI's answers may be any text.
local others = {
  request = {
    TLS = "^\22\3[\0-\4]",
    HTTP = "^%u%u%u+ [/*%a]",
    AJP = "^\18\52..[\2\10]",
    FastCGI = "^\1[\1\9]..",
    SCGI = "^%d+:CONTENT_LENGTH\0",
    uwsgi = "^....[\4-\255]\0[%a_][%a_][%a_][%a_]",
  },
  response = {
    TLS = "^[\21\22]\3[\0-\4]",
    HTTP = "^HTTP/%d",
    AJP = "^AB..[\3-\6\9]",
    FastCGI = "^\1[\3\6\7\10\11]..",
  },
}
local stream_of, seq_of, size_of = Field.new("tcp.stream"), Field.new("tcp.seq"), Field.new("tcp.len")
local fin_of = Field.new("tcp.flags.fin")
-- Of each stream: the first bytes of a direction, and the other protocol that they are; where the first request begins;
-- what the answer is; the request that is not whole.
local firsts, speaks, began, answers, waiting = {}, {}, {}, {}, {}
function proto.init()
  firsts, speaks, began, answers, waiting = {}, {}, {}, {}, {}
end

-- The place of buf's first byte in the stream: buf ends where the segment does.
local function place(buf)
  return seq_of().value + size_of().value - buf:len()
end

local function show(pinfo, item, text)
  tell(item, text, malformed)
  pinfo.cols.info = text
end

-- The protocol of the first bytes, if it is another one. They may come in several segments.
local function foreign(buf, direction)
  local key, here = stream_of().value .. direction, place(buf)
  local first = firsts[key] or { at = here, bytes = "" }
  local stored = first.at + #first.bytes - here
  firsts[key] = first
  if #first.bytes < 64 and stored >= 0 and stored < buf:len() then
    first.bytes = (first.bytes .. buf(stored):raw()):sub(1, 64)
    local own = others[direction][title] or direction == "response" and others.response[answered:upper()] or "^$"
    for name, pattern in pairs(first.bytes:match(own) and {} or others[direction]) do
      speaks[key] = speaks[key] or (first.bytes:match(pattern) and name)
    end
  end
  return speaks[key]
end

local function show_foreign(buf, pinfo, tree, name)
  show(pinfo, tree:add(proto, buf()), "these bytes are " .. name .. ", not " .. title .. ": Decode As ...")
end

-- No mark stands between a body and another request.
local function is_surplus(buf, at)
  local head = buf(at, math.min(4, buf:len() - at)):raw()
  return not another_may_follow or not known[head:byte()] or head:match("^[%g%s][%g%s][%g%s][%g%s]")
end

-- One request at `at`: the offset behind it. Or nil, and how many bytes are missing.
local function request(buf, at, pinfo, tree)
  local size = head_size(buf, at, buf:len())
  if not size then
    return nil, DESEGMENT_ONE_MORE_SEGMENT
  elseif at + size > buf:len() then
    return nil, buf:len() < 64 and DESEGMENT_ONE_MORE_SEGMENT or at + size - buf:len()
  end
  local said = {}
  local head = size > 0 and at + size or buf:len()
  local after = read(buf, at, head, nil, said)
  local sure = size > 0 and (after or said.CONTENT_LENGTH) and not said[0]
  local length = sure and tonumber(said.CONTENT_LENGTH) or 0
  local stop = sure and head + length or buf:len()
  if stop > buf:len() then
    if not pinfo.visited and not (waiting[stream_of().value] or {}).head then
      waiting[stream_of().value] =
        { port = pinfo.dst_port, head = buf(at, size):bytes(), body = place(buf) + head, length = length }
    end
    return nil, stop - buf:len()
  end
  if size > 0 then
    began[stream_of().value] = began[stream_of().value] or place(buf)
  end
  local branch = tree:add(proto, buf(at, stop - at))
  pinfo.cols.info = (said.REQUEST_METHOD or proto.name) .. " " .. (said.REQUEST_URI or "")
  read(buf, at, head, branch, {})
  if strict and after then
    tell(said.CONTENT_LENGTH == nil and branch, "no CONTENT_LENGTH")
    tell(said.SCGI ~= "1" and branch, "no header SCGI with the value 1")
  end
  if head < stop then
    local body = buf(head, stop - head)
    branch:add(sure and f.body or f.surplus, body)
    DissectorTable.get("media_type"):try((said.CONTENT_TYPE or ""):lower():match("^[^; ]*"), body:tvb(), pinfo, tree)
  end
  return stop
end

local function requests(buf, pinfo, tree)
  local stream, start, at = stream_of().value, place(buf), 0
  repeat
    if began[stream] and start + at > began[stream] and is_surplus(buf, at) then
      local rest = buf(at)
      tell(tree:add(proto, rest):add(f.surplus, rest), "bytes behind the request", malformed)
      pinfo.cols.info:append(" [bytes behind the request]")
      return
    end
    local after, missing = request(buf, at, pinfo, tree)
    if not after then
      waiting[stream] = waiting[stream] or { port = pinfo.dst_port, stream = stream }
      pinfo.desegment_offset, pinfo.desegment_len = at, missing
      return
    end
    waiting[stream] = nil
    at = after
  until at >= buf:len()
end

-- An answer that is no packet: of another protocol, or with CGI's head where HTTP's should be.
local function answer(buf, pinfo, tree)
  local stream = stream_of().value
  if not answers[stream] then
    local name, behind = buf():raw():match("^([!#$%%&'*+.^_`|~%w-]*)[ \t]*(.?)")
    if behind == "" and buf:len() < 64 then
      pinfo.desegment_offset, pinfo.desegment_len = 0, DESEGMENT_ONE_MORE_SEGMENT
      return
    end
    answers[stream] = { cgi = name ~= "" and behind == ":", frame = pinfo.number }
  end
  pinfo.can_desegment = 2 -- it shrinks with every dissector on the way; 0 would forbid to join segments
  if answered == "http" and answers[stream].cgi then
    if answers[stream].frame == pinfo.number then
      tell(tree:add(proto, buf()), "no HTTP status line: this is CGI's head")
    end
    return Dissector.get("data-text-lines"):call(buf, pinfo, tree)
  end
  return Dissector.get(answered):call(buf, pinfo, tree)
end

function proto.dissector(buf, pinfo, tree)
  pinfo.cols.protocol = proto.name
  -- Towards the port that we are registered for goes the request.
  local direction = pinfo.match_uint == pinfo.dst_port and "request" or "response"
  local other = not (direction == "request" and began[stream_of().value]) and foreign(buf, direction)
  if other then
    return show_foreign(buf, pinfo, tree, other)
  end
  if direction == "request" or packets[buf(0, 1):uint()] and not buf():raw():match("^%a%a") then
    return requests(buf, pinfo, tree)
  end
  return answer(buf, pinfo, tree)
end

-- TCP tells no dissector that a stream ends: so this looks at each frame with FIN.
local ending = Proto(id .. "_end", title .. ": a stream that ends in the middle of a request")
function ending.dissector(buf, pinfo, tree)
  local fin, cut = fin_of(), stream_of() and waiting[stream_of().value]
  if not cut or not fin or not fin.value or pinfo.dst_port ~= cut.port then
    return
  elseif not cut.head then
    local text = "the stream ends in the middle of a request"
    return show(pinfo, tree:add(proto), began[cut.stream] and text .. ", or with surplus bytes" or text)
  end
  local head = ByteArray.tvb(cut.head, "the head of the request")
  local branch = tree:add(proto, head())
  read(head, 0, head:len(), branch, {})
  local came = seq_of().value + size_of().value - cut.body
  show(pinfo, branch, came .. " of " .. cut.length .. " bytes of the body came")
end
register_postdissector(ending)

local tcp, port = DissectorTable.get("tcp.port"), 0
proto.prefs.port = Pref.uint("TCP port", 0, "0: none but those chosen by Decode As")
function proto.prefs_changed()
  if port > 0 then
    tcp:remove(port, proto)
  end
  port = proto.prefs.port
  if port > 0 then
    tcp:add(port, proto)
  end
end
tcp:add_for_decode_as(proto)
