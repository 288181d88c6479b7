"""The tables of uwsgi: kinds of packets, and the layout of a packet."""

import struct

from gateway_zoo.wire.shape import Choice, Number, Raw, Repeat, Shape

LARGEST = 65_535  # datasize has two bytes

#: modifier1 -> what it asks for. Those of a request that carries variables, as the ordinary 0 does:
WITH_VARIABLES = (
    {0: "WSGI", 5: "PSGI", 6: "Lua WSAPI", 7: "Rack", 8: "JVM", 9: "CGI", 10: "management"}
    | {11: "Go", 14: "PHP", 15: "Mono", 17: "spooler", 18: "symcall", 19: "SSI"}  # 11 and 19: uWSGI's source only
    | {23: "XSLT", 24: "V8", 25: "GridFS"}
    | {26: "GlusterFS", 27: "FastFuncs"}  # so the documentation; the source has them the other way round
    | {28: "Rados", 30: "WSGI, PATH_INFO without SCRIPT_NAME", 35: "WebDAV"}  # 35: source only
)
#: All others that have a name; what they carry is their own affair.
OTHERS = (
    {22: "eval", 31: "message", 32: "array", 33: "marshal", 48: "SNMP", 72: "HTTP", 73: "announce", 74: "multicast"}
    | {95: "cluster", 96: "log", 97: "brutal reload", 98: "graceful reload", 99: "configuration", 100: "PING"}
    | {101: "ECHO", 109: "legion", 110: "signal", 111: "cache", 123: "corerouter", 173: "RPC", 200: "close"}
    | {224: "subscription", 255: "response"}
)
KINDS = WITH_VARIABLES | OTHERS
HEAD, VAR = "uwsgi packet header", "struct uwsgi_var"  # sections

VARIABLE = Shape(
    name="variable",
    means="a name and its value",
    pair=("key", "val"),
    parts=(
        Number(name="key_size", bytes=2, little=True, means="bytes of the name", section=VAR),
        Raw(name="key", size="key_size", means="the name", section=VAR),
        Number(name="val_size", bytes=2, little=True, means="bytes of the value", section=VAR),
        Raw(name="val", size="val_size", means="the value", section=VAR),
    ),
)
VARIABLES = Shape(
    name="variables",
    means="names and values, one behind the other",
    parts=(Repeat(name="vars", size="", shape=VARIABLE, means="the variables", section="The uwsgi vars"),),
)
PACKET = Shape(
    name="uwsgi",
    means="a packet: a request up to its body, or a message without variables",
    parts=(
        Number(
            name="modifier1", bytes=1, values=KINDS, means="the kind of packet: the plug-in that answers", section=HEAD
        ),
        Number(name="datasize", bytes=2, little=True, means="bytes that follow the header", section=HEAD),
        Number(name="modifier2", bytes=1, means="more about the kind; nearly always 0", section=HEAD),
        Choice(
            name="data",
            size="datasize",
            on="modifier1",
            shapes=dict.fromkeys(WITH_VARIABLES, VARIABLES),
            means="what the kind says: mostly variables",
            section="Packet descriptions",
        ),
    ),
)
HEADER = struct.Struct("<BHB")
LENGTH = struct.Struct("<H")
