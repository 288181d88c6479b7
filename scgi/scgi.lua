-- Generated from LAYOUT in scgi/wire by `python -m gateway_zoo.wire.export --write`: edit that, not this.
--
-- Wireshark: put it into the folder of personal Lua plugins, or
--     tshark -X lua_script:scgi.lua -d tcp.port==4000,scgi -r FILE
-- where FILE is of `zoo wire --pcap`: there it is the port of a gateway that speaks SCGI.
-- Wireshark run as root loads no scripts. Ports: Decode As …, or the preference scgi.port.
--
-- The answer is a CGI response. Wireshark has no dissector for it: each segment is shown as lines of text.

local proto = Proto("scgi", "SCGI")
local f = proto.fields
f.header = ProtoField.none("scgi.header", "header", "a name and its value")
f.header_name = ProtoField.string("scgi.header.name", "name", base.NONE, "the name, ended by NUL; never empty (SCGI 3)")
f.header_value = ProtoField.string("scgi.header.value", "value", base.NONE, "the value, ended by NUL (SCGI 3)")
f.length = ProtoField.uint32("scgi.length", "length", base.DEC, nil, nil, "bytes of the headers (Netstrings)")
f.headers = ProtoField.bytes("scgi.headers", "headers", base.NONE, "CONTENT_LENGTH first (SCGI 3)")
f.comma = ProtoField.string("scgi.comma", "comma", base.NONE, "ends the headers (Netstrings)")

local id = proto.name:lower()
local malformed = ProtoExpert.new(
  id .. ".malformed", "Not as the specification says", expert.group.MALFORMED, expert.severity.ERROR
)
proto.experts = { malformed }
f.body = ProtoField.bytes(id .. ".body", "body", base.NONE, "as many bytes as CONTENT_LENGTH says")

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
  if tree then
    tree:add_proto_expert_info(malformed, what .. ": cut off, or not what it should be")
  end
  return nil
end

-- What a name and its value are shown as; `said` keeps them for the length of the body.
local function paired(item, length, said, name, value, at)
  said[name] = value
  if item then
    item:set_text(name .. ": " .. value)
    item:set_len(length)
  end
  return at
end

-- a name and its value
local function read_header(buf, at, stop, tree, said)
  local item = add(tree, f.header, buf(at, stop - at))
  local start = at
  tree = item
  local end_of_name = find(buf, at, stop, 0)
  if not end_of_name then return wrong(buf, at, stop, tree, f.header_name, "name") end
  local name = span(buf, at, end_of_name - at):raw()
  add_text(tree, f.header_name, span(buf, at, end_of_name - at))
  at = at + #name + 1
  local end_of_value = find(buf, at, stop, 0)
  if not end_of_value then return wrong(buf, at, stop, tree, f.header_value, "value") end
  local value = span(buf, at, end_of_value - at):raw()
  add_text(tree, f.header_value, span(buf, at, end_of_value - at))
  at = at + #value + 1
  return paired(item, at - start, said, name, value, at)
end

-- a request up to its body
local function read_scgi(buf, at, stop, tree, said)
  local length, after_length = decimal(buf, at, stop, 58)
  if not length then return wrong(buf, at, stop, tree, f.length, "length") end
  add(tree, f.length, buf(at, after_length - at), length)
  at = after_length
  local end_of_headers = at + length
  if end_of_headers > stop then return wrong(buf, at, stop, tree, f.headers, "headers") end
  local branch = add(tree, f.headers, span(buf, at, length))
  while at < end_of_headers do
    at = read_header(buf, at, end_of_headers, branch, said)
    if not at then return nil end
  end
  if at + 1 > stop or buf(at, 1):raw() ~= "," then return wrong(buf, at, stop, tree, f.comma, "comma") end
  local comma = span(buf, at, 1):raw()
  add_text(tree, f.comma, span(buf, at, 1))
  at = at + 1
  return at
end

-- Bytes of a request up to its body: nil if they cannot be known yet, 0 after a fault.
local function head_size(buf, at, stop)
  local start = at
  local length, after = decimal(buf, at, stop, 58)
  if not length then return after end
  at = after
  at = at + length
  at = at + 1
  return at - start
end

local read = read_scgi
local answers = Dissector.get("data-text-lines")
local another_may_follow, packets = false, {}

-- One request at `at`: the offset behind it. Or nil, and how many bytes are missing.
local function request(buf, at, pinfo, tree)
  local size = head_size(buf, at, buf:len())
  if not size then
    return nil, DESEGMENT_ONE_MORE_SEGMENT
  elseif at + size > buf:len() then
    return nil, at + size - buf:len()
  end
  local said = {}
  local after = read(buf, at, size > 0 and at + size or buf:len(), nil, said)
  local length = after and tonumber((said.CONTENT_LENGTH or ""):match("^%d+$")) or 0
  local stop = after and after + length or buf:len()
  if stop > buf:len() then
    return nil, stop - buf:len()
  end
  local branch = tree:add(proto, buf(at, stop - at))
  read(buf, at, after or stop, branch, said)
  pinfo.cols.info = (said.REQUEST_METHOD or proto.name) .. " " .. (said.REQUEST_URI or "")
  if length > 0 then
    local body = buf(after, length)
    branch:add(f.body, body)
    DissectorTable.get("media_type"):try((said.CONTENT_TYPE or ""):lower():match("^[^; ]*"), body:tvb(), pinfo, tree)
  end
  return stop
end

function proto.dissector(buf, pinfo, tree)
  pinfo.cols.protocol = proto.name
  -- Towards the port that we are registered for goes the request.
  if pinfo.match_uint ~= pinfo.dst_port and not packets[buf(0, 1):uint()] then
    pinfo.can_desegment = 2 -- it shrinks with every dissector on the way; 0 would forbid to join segments
    return answers:call(buf, pinfo, tree)
  end
  local at = 0
  repeat
    local after, missing = request(buf, at, pinfo, tree)
    if not after then
      pinfo.desegment_offset, pinfo.desegment_len = at, missing
      return
    end
    at = after
  until at >= buf:len() or not another_may_follow
end

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
