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

-- HERE the readers

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
