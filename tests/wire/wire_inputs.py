"""Bytes for the tests of the wire: messages that are right, and what becomes of them when somebody interferes.

Everything is drawn from a `random.Random`. Of hypothesis (`st.randoms()`) it can be shrunk, with a seed a million
inputs cost little; so both ask the same generator. What it draws is small: faults hide in the structure.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple
from unittest import mock

from zoo_in_test import REGISTRY

from gateway_zoo.wire import specimen
from gateway_zoo.wire.codecs import Codec, Codecs, Direction
from gateway_zoo.wire.conversation import Conversation
from gateway_zoo.wire.events import Pairs, method_of
from gateway_zoo.wire.faults import CannotEncode

LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
PRINTABLE = bytes(range(33, 127))
#: Bytes that mean something in one of the protocols.
TELLING = b"\x00\x01\x02\x03\x04\x05\x06\x0b\x12\x34\x7f\x80\x81\x88\xa0\xfe\xff0123456789:,;\r\n \t=+-/ABab"
#: Pieces of text that readers are known to disagree about.
TRICKS = (
    b"+5",
    b"-1",
    b"007",
    b"1_0",
    b" 5",
    b"",
    b"99999999999999999999",
    b"\r\n",
    b"\n",
    b"\x00",
    b"Content-Length: 5\r\n",
    b"CONTENT_LENGTH\x003\x00",
    b"Transfer-Encoding: chunked\r\n",
    b"chunked",
    b"Status: 200\r\n",
    b"Upgrade: websocket\r\n",
    b"\xff\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\x7f\xff\xff\xff",
)
SECRET = b"Basic-c2VzYW1lOm9wZW4tMTIzNDU2Nzg5"


#: What goes on inside a connection that another protocol has opened: nothing but bodies.
WITHOUT_HEADS = {"WebSocket"}
UNSENT = b"would have been sent to GET"


class Input(NamedTuple):
    """Bytes of one direction. `methods`: what was asked, for a response."""

    direction: Direction
    data: bytes
    methods: tuple[bytes, ...] = ()
    kind: str = ""


class Exchange(NamedTuple):
    """A request and its response, and what they were made from."""

    variables: Pairs
    body: bytes
    status: int
    headers: Pairs
    answer: bytes
    request: bytes
    response: bytes

    @property
    def method(self) -> bytes:
        return dict(self.variables).get(b"REQUEST_METHOD", b"GET")


def word(random: Random, alphabet: bytes, most: int, least: int = 0) -> bytes:
    return bytes(random.choice(alphabet) for _ in range(random.randint(least, most)))


def body(random: Random) -> bytes:
    return random.randbytes(random.choice((0, 0, 0, 1, 9, 60, 300)))


def variables(random: Random, body: bytes) -> Pairs:
    """Meta-variables that every protocol can say: printable values, each name once."""
    method = random.choice((b"POST", b"PUT")) if body else random.choice((b"GET", b"HEAD", b"POST"))
    path = b"/" + word(random, LETTERS, 8)
    query = word(random, LETTERS, 5)
    pairs = [
        (b"REQUEST_METHOD", method),
        (b"REQUEST_URI", b"/x" + path + (b"?" + query if query else b"")),
        (b"SCRIPT_NAME", b"/x"),
        (b"PATH_INFO", path),
        (b"QUERY_STRING", query),
        (b"SERVER_PROTOCOL", b"HTTP/1.1"),
        (b"SERVER_NAME", b"localhost"),
        (b"SERVER_PORT", b"8080"),
        (b"REMOTE_ADDR", b"127.0.0.1"),
        (b"HTTP_HOST", b"localhost"),
        (b"CONTENT_LENGTH", b"%d" % len(body) if body else b""),
    ]
    for number in range(random.randint(0, 3)):
        name = b"HTTP_X%d%s" % (number, word(random, LETTERS, 12))
        pairs.append((name, word(random, PRINTABLE, random.choice((1, 20, 140)), 1)))
    if random.random() < 0.3:
        pairs.append((random.choice((b"HTTP_AUTHORIZATION", b"HTTP_COOKIE")), SECRET))
    return pairs


def wild_variables(random: Random) -> Pairs:
    """Names and values of any bytes; a name may stand twice."""
    count = random.randint(0, 6)
    return [(random.randbytes(random.randint(0, 9)), random.randbytes(random.randint(0, 140))) for _ in range(count)]


def headers(random: Random, body: bytes, method: bytes) -> Pairs:
    """Headers of an answer that has this body. To HEAD its length, but not the body itself."""
    pairs = [(b"Content-Type", b"text/plain"), (b"Content-Length", b"%d" % len(body))]
    if method == b"HEAD":
        pairs[1] = (b"Content-Length", b"%d" % len(UNSENT))
    for number in range(random.randint(0, 2)):
        pairs.append((b"X-%d%s" % (number, word(random, LETTERS, 9)), word(random, PRINTABLE, 60, 1)))
    if random.random() < 0.3:
        pairs.append((b"Set-Cookie", SECRET))
    return pairs


def exchange(random: Random, codecs: Codecs, protocol: str) -> Exchange:
    """What is asked and answered in this protocol."""
    wire, asked = codecs[protocol], body(random)
    if protocol in WITHOUT_HEADS:
        answer = body(random)
        with mock.patch("os.urandom", random.randbytes):  # a WebSocket's masks, which otherwise no seed repeats
            return Exchange([], asked, 101, [], answer, wire.request([], asked), wire.response(101, [], answer))
    pairs = variables(random, asked)
    method = dict(pairs)[b"REQUEST_METHOD"]
    status = random.choice((200, 200, 404, 500))
    answer = b"" if method == b"HEAD" else body(random)
    told = headers(random, answer, method)
    return Exchange(
        pairs, asked, status, told, answer, wire.request(pairs, asked), response(wire, status, told, answer)
    )


def response(wire: Codec, status: int, headers: Pairs, body: bytes) -> bytes:
    """To HEAD, too: HTTP's encoder does not know what was asked, and wants the bytes that it announces."""
    try:
        return wire.response(status, headers, body)
    except CannotEncode:
        return wire.response(status, headers, UNSENT)[: -len(UNSENT)]


def methods(codecs: Codecs, protocol: str, request: bytes) -> tuple[bytes, ...]:
    """What these requests ask."""
    said = Conversation(codecs, protocol).feed("request", request)
    return tuple(method for of, event, *_ in said if of == protocol and (method := method_of(event)))


def specimens(codecs: Codecs) -> dict[str, list[tuple[str, specimen.Specimen]]]:
    """The cages' recorded exchanges, by the protocol of their socket."""
    found: dict[str, list[tuple[str, specimen.Specimen]]] = {protocol: [] for protocol in codecs.protocols}
    for cage in REGISTRY.cages:
        for path in sorted(Path(cage.path).glob("specimens/*.toml")):
            loaded = specimen.load(path)
            found[loaded.protocol or cage.file.decodes or cage.file.protocol].append(
                (f"{cage.name}/{path.stem}", loaded)
            )
    return found


class Maker:
    """Inputs for one protocol."""

    def __init__(self, codecs: Codecs, protocol: str) -> None:
        self.wires, self.protocol = codecs, protocol
        self.specimens = [found for _, found in specimens(codecs)[protocol]]

    def input(self, random: Random) -> Input:
        """Right, or spoilt in one of several ways."""
        direction: Direction = random.choice(("request", "response"))
        data, methods = self.right(random, direction)
        kind = random.choice(tuple(SPOILT))
        data = SPOILT[kind](random, data)
        if kind == "spliced":
            data += self.right(random, direction)[0][random.randint(0, 40) :]
        return Input(direction, data, methods, kind)

    def right(self, random: Random, direction: Direction) -> tuple[bytes, tuple[bytes, ...]]:
        """Bytes of one or two messages, and the methods of the requests."""
        if self.specimens and random.random() < 0.2:
            chosen = random.choice(self.specimens)
            return getattr(chosen, direction), methods(self.wires, self.protocol, chosen.request)
        if random.random() < 0.1 and self.protocol not in WITHOUT_HEADS:
            return self.wild(random, direction), (b"GET",)
        made = [exchange(random, self.wires, self.protocol) for _ in range(random.choice((1, 1, 1, 2)))]
        return b"".join(getattr(one, direction) for one in made), tuple(one.method for one in made)

    def wild(self, random: Random, direction: Direction) -> bytes:
        wire = self.wires[self.protocol]
        try:
            if direction == "request":
                return wire.request(wild_variables(random), body(random))
            return wire.response(random.randint(0, 999), wild_variables(random), body(random))
        except CannotEncode:
            return random.randbytes(40)


def one_byte(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    byte = random.choice(TELLING) if random.random() < 0.6 else random.randrange(256)
    return data[:at] + bytes([byte]) + data[at + 1 :]


def one_bit(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + bytes([(data[at] if at < len(data) else 0) ^ 1 << random.randrange(8)]) + data[at + 1 :]


def some_bytes(random: Random, data: bytes) -> bytes:
    for _ in range(random.randint(2, 6)):
        data = one_byte(random, data)
    return data


def removed(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + data[at + random.choice((1, 1, 2, 8, 40)) :]


def inserted(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice((*TRICKS, random.randbytes(3))) + data[at:]


def number(random: Random, data: bytes) -> bytes:
    """Digits that stand there become others."""
    places = [at for at, byte in enumerate(data) if 48 <= byte < 58]
    if not places:
        return one_byte(random, data)
    at = random.choice(places)
    return data[:at] + random.choice(TRICKS) + data[at + 1 :]


SPOILT: dict[str, Callable[[Random, bytes], bytes]] = {
    "right": lambda random, data: data,
    "truncated": lambda random, data: data[: random.randrange(len(data) + 1)],
    "one byte": one_byte,
    "one bit": one_bit,
    "some bytes": some_bytes,
    "removed": removed,
    "inserted": inserted,
    "number": number,
    "doubled": lambda random, data: data + data,
    "spliced": lambda random, data: data[: random.randrange(len(data) + 1)],
    "random": lambda random, data: random.randbytes(random.randint(0, 60)),
    "telling": lambda random, data: word(random, TELLING, 60),
}


def pieces(random: Random, data: bytes) -> list[bytes]:
    """The same bytes, cut: into single ones, into small ones, or at some places."""
    if random.random() < 0.1:
        return [data[at : at + 1] for at in range(len(data))]
    most = random.choice((3, 17, 200))
    found, at = [], 0
    while at < len(data):
        length = random.randint(1, most)
        found.append(data[at : at + length])
        at += length
    return found
