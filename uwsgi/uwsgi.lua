-- Generated from LAYOUT in uwsgi/wire by `python -m gateway_zoo.wire.export --write`: edit that, not this.
--
-- Wireshark: put it into the folder of personal Lua plugins, or
--     tshark -X lua_script:uwsgi.lua -d tcp.port==3031,uwsgi -r FILE
-- where FILE is of `zoo wire --pcap`: there it is the port of a gateway that speaks uwsgi.
-- Wireshark run as root loads no scripts. Ports: Decode As …, or the preference uwsgi.port.
--
-- The answer is an HTTP response and given to Wireshark's own dissector; a pong is a packet.

local proto = Proto("uwsgi", "uwsgi")
local f = proto.fields
f.variable = ProtoField.none("uwsgi.variable", "variable", "a name and its value")
f.variable_key_size = ProtoField.uint16("uwsgi.variable.key_size", "key_size", base.DEC, nil, nil, "bytes of the name (struct uwsgi_var)")
f.variable_key = ProtoField.string("uwsgi.variable.key", "key", base.NONE, "the name (struct uwsgi_var)")
f.variable_val_size = ProtoField.uint16("uwsgi.variable.val_size", "val_size", base.DEC, nil, nil, "bytes of the value (struct uwsgi_var)")
f.variable_val = ProtoField.string("uwsgi.variable.val", "val", base.NONE, "the value (struct uwsgi_var)")
f.variables_vars = ProtoField.bytes("uwsgi.variables.vars", "vars", base.NONE, "the variables (The uwsgi vars)")
f.modifier1 = ProtoField.uint8("uwsgi.modifier1", "modifier1", base.DEC, {[0] = "WSGI", [5] = "PSGI", [6] = "Lua WSAPI", [7] = "Rack", [8] = "JVM", [9] = "CGI", [10] = "management", [11] = "Go", [14] = "PHP", [15] = "Mono", [17] = "spooler", [18] = "symcall", [19] = "SSI", [23] = "XSLT", [24] = "V8", [25] = "GridFS", [26] = "GlusterFS", [27] = "FastFuncs", [28] = "Rados", [30] = "WSGI, PATH_INFO without SCRIPT_NAME", [35] = "WebDAV", [22] = "eval", [31] = "message", [32] = "array", [33] = "marshal", [48] = "SNMP", [72] = "HTTP", [73] = "announce", [74] = "multicast", [95] = "cluster", [96] = "log", [97] = "brutal reload", [98] = "graceful reload", [99] = "configuration", [100] = "PING", [101] = "ECHO", [109] = "legion", [110] = "signal", [111] = "cache", [123] = "corerouter", [173] = "RPC", [200] = "close", [224] = "subscription", [255] = "response"}, nil, "the kind of packet: the plug-in that answers (uwsgi packet header)")
f.datasize = ProtoField.uint16("uwsgi.datasize", "datasize", base.DEC, nil, nil, "bytes that follow the header (uwsgi packet header)")
f.modifier2 = ProtoField.uint8("uwsgi.modifier2", "modifier2", base.DEC, nil, nil, "more about the kind; nearly always 0 (uwsgi packet header)")
f.data = ProtoField.bytes("uwsgi.data", "data", base.NONE, "what the kind says: mostly variables (Packet descriptions)")

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
local function read_variable(buf, at, stop, tree, said)
  local item = add(tree, f.variable, buf(at, stop - at))
  local start = at
  tree = item
  if at + 2 > stop then return wrong(buf, at, stop, tree, f.variable_key_size, "key_size") end
  local key_size = buf(at, 2):le_uint()
  add_le(tree, f.variable_key_size, buf(at, 2))
  at = at + 2
  if at + key_size > stop then return wrong(buf, at, stop, tree, f.variable_key, "key") end
  local key = span(buf, at, key_size):raw()
  add_text(tree, f.variable_key, span(buf, at, key_size))
  at = at + key_size
  if at + 2 > stop then return wrong(buf, at, stop, tree, f.variable_val_size, "val_size") end
  local val_size = buf(at, 2):le_uint()
  add_le(tree, f.variable_val_size, buf(at, 2))
  at = at + 2
  if at + val_size > stop then return wrong(buf, at, stop, tree, f.variable_val, "val") end
  local val = span(buf, at, val_size):raw()
  add_text(tree, f.variable_val, span(buf, at, val_size))
  at = at + val_size
  return paired(item, at - start, said, key, val, at)
end

-- names and values, one behind the other
local function read_variables(buf, at, stop, tree, said)
  local end_of_vars = at + (stop - at)
  if end_of_vars > stop then return wrong(buf, at, stop, tree, f.variables_vars, "vars") end
  local branch = add(tree, f.variables_vars, span(buf, at, (stop - at)))
  while at < end_of_vars do
    at = read_variable(buf, at, end_of_vars, branch, said)
    if not at then return nil end
  end
  return at
end

-- a packet: a request up to its body, or a message without variables
local function read_uwsgi(buf, at, stop, tree, said)
  if at + 1 > stop then return wrong(buf, at, stop, tree, f.modifier1, "modifier1") end
  local modifier1 = buf(at, 1):uint()
  add(tree, f.modifier1, buf(at, 1))
  at = at + 1
  if at + 2 > stop then return wrong(buf, at, stop, tree, f.datasize, "datasize") end
  local datasize = buf(at, 2):le_uint()
  add_le(tree, f.datasize, buf(at, 2))
  at = at + 2
  if at + 1 > stop then return wrong(buf, at, stop, tree, f.modifier2, "modifier2") end
  local modifier2 = buf(at, 1):uint()
  add(tree, f.modifier2, buf(at, 1))
  at = at + 1
  local end_of_data = at + datasize
  if end_of_data > stop then return wrong(buf, at, stop, tree, f.data, "data") end
  local branch = add(tree, f.data, span(buf, at, datasize))
  local chosen = ({[0] = read_variables, [5] = read_variables, [6] = read_variables, [7] = read_variables, [8] = read_variables, [9] = read_variables, [10] = read_variables, [11] = read_variables, [14] = read_variables, [15] = read_variables, [17] = read_variables, [18] = read_variables, [19] = read_variables, [23] = read_variables, [24] = read_variables, [25] = read_variables, [26] = read_variables, [27] = read_variables, [28] = read_variables, [30] = read_variables, [35] = read_variables})[modifier1]
  if chosen and not chosen(buf, at, end_of_data, branch, said) then return nil end
  at = end_of_data
  return at
end

-- Bytes of a packet: a request up to its body, or a message without variables: nil if they cannot be known yet, 0 after a fault.
local function head_size(buf, at, stop)
  local start = at
  if at + 1 > stop then return nil end
  local modifier1 = buf(at, 1):uint()
  at = at + 1
  if at + 2 > stop then return nil end
  local datasize = buf(at, 2):le_uint()
  at = at + 2
  if at + 1 > stop then return nil end
  local modifier2 = buf(at, 1):uint()
  at = at + 1
  at = at + datasize
  return at - start
end

local read = read_uwsgi
local answers = Dissector.get("http")
local another_may_follow, packets = true, {[100] = true, [255] = true}

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
