"""FastCGI's numbers, names and tables: types of records, roles, and the layout of a record and of what is in it.

The annotated fields come from the tables; the decoders use the numbers only.
"""

import struct

from gateway_zoo.wire.shape import Number, Raw, Shape, ShortOrLong

LARGEST = 65_535  # contentLength has two bytes
LONGEST = 0x7FFFFFFF  # a name or a value: four bytes, the highest bit says that there are four (3.4)
KEEP_CONN = 1
FLAGS = {0: "close", KEEP_CONN: "KEEP_CONN"}

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR, DATA = range(1, 9)
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11

#: Each type of record: its name, its meaning, and the section of the specification.
KINDS = {
    BEGIN_REQUEST: ("BEGIN_REQUEST", "a request begins", "5.1"),
    ABORT_REQUEST: ("ABORT_REQUEST", "the web server gives the request up", "5.4"),
    END_REQUEST: ("END_REQUEST", "the answer is complete", "5.5"),
    PARAMS: ("PARAMS", "a piece of the variables; empty: that was all", "5.2"),
    STDIN: ("STDIN", "a piece of the body; empty: that was all", "5.3"),
    STDOUT: ("STDOUT", "a piece of the answer; empty: that was all", "5.3"),
    STDERR: ("STDERR", "a piece of what is for the log; empty: that was all", "5.3"),
    DATA: ("DATA", "a piece of the file that a Filter shall change; empty: that was all", "5.3"),
    GET_VALUES: ("GET_VALUES", "the web server asks what the application can do", "4.1"),
    GET_VALUES_RESULT: ("GET_VALUES_RESULT", "what the application can do", "4.1"),
    UNKNOWN_TYPE: ("UNKNOWN_TYPE", "the application does not know a record's type", "4.2"),
}
TYPES = {type: name for type, (name, _, _) in KINDS.items()}
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
ROLES = {RESPONDER: "RESPONDER", AUTHORIZER: "AUTHORIZER", FILTER: "FILTER"}
STATUSES = {0: "REQUEST_COMPLETE", 1: "CANT_MPX_CONN", 2: "OVERLOADED", 3: "UNKNOWN_ROLE"}

PAIR = Shape(
    name="pair",
    means="a name and its value",
    pair=("nameData", "valueData"),
    parts=(
        ShortOrLong(name="nameLength", means="bytes of the name: one byte, or four (highest bit set)", section="3.4"),
        ShortOrLong(name="valueLength", means="bytes of the value: one byte, or four likewise", section="3.4"),
        Raw(name="nameData", size="nameLength", means="the name", section="3.4"),
        Raw(name="valueData", size="valueLength", means="the value", section="3.4"),
    ),
)
BEGIN_BODY = Shape(
    name="BeginRequestBody",
    means="a request begins",
    parts=(
        Number(name="role", bytes=2, values=ROLES, means="what the application shall be", section="5.1"),
        Number(name="flags", bytes=1, values=FLAGS, means="lowest bit: stay open after the answer", section="5.1"),
        Raw(name="reserved", size=5, section="5.1"),
    ),
)
END_BODY = Shape(
    name="EndRequestBody",
    means="the answer is complete",
    parts=(
        Number(name="appStatus", bytes=4, means="what a CGI program would give to exit()", section="5.5"),
        Number(name="protocolStatus", bytes=1, values=STATUSES, means="did FastCGI itself succeed?", section="5.5"),
        Raw(name="reserved", size=3, section="5.5"),
    ),
)
UNKNOWN_TYPE_BODY = Shape(
    name="UnknownTypeBody",
    means="the application does not know a management record",
    parts=(
        Number(name="type", bytes=1, means="the type that it does not know", section="4.2"),
        Raw(name="reserved", size=7, section="4.2"),
    ),
)
FIXED = 8  # bytes of each content of fixed layout
BODIES = {BEGIN_REQUEST: BEGIN_BODY, END_REQUEST: END_BODY, UNKNOWN_TYPE: UNKNOWN_TYPE_BODY}
#: The header; its content and padding follow.
RECORD = Shape(
    name="record",
    means="a record; a connection is nothing else, in both directions",
    parts=(
        Number(name="version", bytes=1, values={1: "FCGI_VERSION_1"}, means="always 1", section="3.3"),
        Number(name="type", bytes=1, values=TYPES, means="the kind of record", section="3.3"),
        Number(name="requestId", bytes=2, means="which request; 0: the connection itself", section="3.3"),
        Number(name="contentLength", bytes=2, means="bytes of content", section="3.3"),
        Number(name="paddingLength", bytes=1, means="bytes to skip behind the content", section="3.3"),
        Raw(name="reserved", size=1, section="3.3"),
    ),
)

HEADER = struct.Struct(">BBHHBx")
LENGTH = struct.Struct(">I")
BEGIN = struct.Struct(">HB5x")
END = struct.Struct(">IB3x")

MANAGEMENT = {GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE}  # their request id is 0 (3.3, appendix A)
