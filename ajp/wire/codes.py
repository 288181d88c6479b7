"""AJPv13's numbers, and what they stand for."""

import re
import struct
from collections.abc import Mapping

from gateway_zoo.wire.codecs import Direction, Places
from gateway_zoo.wire.fields import secret, text

LARGEST = 8192  # of a packet with its header ("Packet Size")
NULL = 0xFFFF
STORED = 0xFF
DONE = 0xFF
CHUNKED = -1  # a body of unknown length
FORWARD_REQUEST, SEND_BODY_CHUNK, SEND_HEADERS, END_RESPONSE, GET_BODY_CHUNK = range(2, 7)
SHUTDOWN, PING, CPONG, CPING = range(7, 11)

MAGIC: Mapping[Direction, bytes] = {"request": b"\x12\x34", "response": b"AB"}
#: The messages of each direction, and their meanings ("Packet Headers").
KINDS: Mapping[Direction, Mapping[int, tuple[str, str]]] = {
    "request": {
        FORWARD_REQUEST: ("Forward Request", "a request: all but its body"),
        SHUTDOWN: ("Shutdown", "the container shall shut itself down"),
        PING: ("Ping", "the container shall take control: the login of old"),
        CPING: ("CPing", "the container shall answer CPong at once"),
    },
    "response": {
        SEND_BODY_CHUNK: ("Send Body Chunk", "a piece of the body"),
        SEND_HEADERS: ("Send Headers", "status and headers"),
        END_RESPONSE: ("End Response", "that was all"),
        GET_BODY_CHUNK: ("Get Body Chunk", "more of the request's body, please"),
        CPONG: ("CPong Reply", "the answer to a CPing"),
    },
}
METHODS = dict(
    enumerate(
        b"OPTIONS GET HEAD POST PUT DELETE TRACE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK ACL REPORT "
        b"VERSION-CONTROL CHECKIN CHECKOUT UNCHECKOUT SEARCH MKWORKSPACE UPDATE LABEL MERGE BASELINE_CONTROL "
        b"MKACTIVITY".split(),
        start=1,
    )
)
REQUEST_HEADERS = dict(
    enumerate(
        b"accept accept-charset accept-encoding accept-language authorization connection content-type content-length "
        b"cookie cookie2 host pragma referer user-agent".split(),
        start=0xA001,
    )
)
RESPONSE_HEADERS = dict(
    enumerate(
        b"Content-Type Content-Language Content-Length Date Last-Modified Location Set-Cookie Set-Cookie2 "
        b"Servlet-Engine Status WWW-Authenticate".split(),
        start=0xA001,
    )
)
REQ_ATTRIBUTE, SSL_KEY_SIZE, SECRET = 0x0A, 0x0B, 0x0C
ATTRIBUTES = dict(
    enumerate(
        b"context servlet_path remote_user auth_type query_string route ssl_cert ssl_cipher ssl_session req_attribute "
        b"ssl_key_size secret stored_method".split(),
        start=1,
    )
)
#: Strings between protocol and headers, or attributes, and the CGI variable of the same meaning.
VARIABLES = {
    b"remote_addr": b"REMOTE_ADDR",
    b"remote_host": b"REMOTE_HOST",
    b"server_name": b"SERVER_NAME",
    b"remote_user": b"REMOTE_USER",
    b"auth_type": b"AUTH_TYPE",
    b"AJP_REMOTE_PORT": b"REMOTE_PORT",  # Apache's and Tomcat's agreement, as a req_attribute
    b"AJP_LOCAL_ADDR": b"SERVER_ADDR",
}
FACTS = (b"remote_addr", b"remote_host", b"server_name")
STRINGS = ("protocol", "req_uri", "remote_addr", "remote_host", "server_name")
MEANS = {
    "protocol": "what the client speaks",
    "req_uri": "the path that was asked, not decoded, without the query",
    "remote_addr": "address of the client",
    "remote_host": "name of the client; null: not looked up",
    "server_name": "the host that was asked",
}
PORT = 8009
#: The codes of SECRETS' names: Authorization, Cookie, Cookie2; Set-Cookie, Set-Cookie2.
SECRET_CODES = tuple(
    code.to_bytes(2) for names in (REQUEST_HEADERS, RESPONSE_HEADERS) for code, name in names.items() if secret(name)
)
PLACES = Places(
    variables={
        "method": "REQUEST_METHOD",
        "protocol": "SERVER_PROTOCOL",
        "req_uri": "REQUEST_URI",
        "server_port": "SERVER_PORT",
        "is_ssl": "HTTPS",
        "stored_method": "REQUEST_METHOD",
        "query_string": "QUERY_STRING",
        **{text(name): text(variable) for name, variable in VARIABLES.items()},
    },
    empty=frozenset({("is_ssl", "0"), ("method", "255 (stored_method)")}),
    attributes="AJPv13, Attributes",
)
BOOLEAN = {0: "false", 1: "true"}
FIRST_LINE = re.compile(rb"[^\x00-\x20\x7f]+ [^\x00-\x20\x7f]+ [^\x00-\x20\x7f]+")
#: The parts of that line, each by the name of its field.
FIRST_LINE_PARTS = {
    "protocol": re.compile(rb"[^\x00-\x20\x7f]+"),
    "req_uri": re.compile(rb"[^\x00-\x20\x7f]+"),
    "stored_method": re.compile(rb"[^\x00-\x20\x7f]+"),
    "query_string": re.compile(rb"[^\x00-\x20\x7f]*"),
}
ONE_LENGTH = "one content-length, a decimal number"
TOKEN = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+")  # a header's name, RFC 9110 5.6.2
REASON = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")
INTEGER = struct.Struct(">H")
HEADER = struct.Struct(">2sH")
PORT_AND_SSL = struct.Struct(">HB")
