"""The scripts for Wireshark on peers that break rules, judged by tshark."""

from pathlib import Path
from typing import Any

import pytest
from recordings import WIRES, variables
from test_wire_export import SCGI, UWSGI, in_pieces
from tshark_in_test import Segment, columns_of_each

from gateway_zoo.wire.events import Pairs

WIRE: Any = WIRES["uwsgi"]
TITLES = {SCGI: "SCGI", UWSGI: "uwsgi"}
PROTOCOLS = ["SCGI", "uwsgi", "FastCGI", "AJP", "HTTP"]
TLS = b"\x16\x03\x01\x02\0\x01\0\x01\xfc" + bytes(30), b"\x15\x03\x01\0\x02\x02\x28"
POST = [(b"REQUEST_METHOD", b"POST")]
LENGTH = b"CONTENT_LENGTH"
END: Segment = ("request", b"")

each_script = pytest.mark.parametrize("script", [SCGI, UWSGI], ids=["scgi", "uwsgi"])


def exchange(protocol: str) -> tuple[bytes, bytes]:
    if protocol == "TLS":
        return TLS
    wire = WIRES[protocol]
    return wire.request(variables("/x/hello")), wire.response(200, [(b"Content-Type", b"text/plain")], b"hi")


def told(script: Path, *connections: list[Segment]) -> list[list[tuple[str, str]]]:
    """For each frame of each connection: the column Info, and all expert infos."""
    names = "_ws.col.Info", "_ws.expert.message"
    found = columns_of_each(script, connections, *names)
    return [[(",".join(info), ",".join(messages)) for info, messages in frames] for frames in found]


@each_script
def test_another_protocol_is_named(script: Path) -> None:
    """In the column Info, too; also where each byte is a segment."""
    own = TITLES[script]
    others = [protocol for protocol in [*PROTOCOLS, "TLS"] if protocol != own]
    requests = [exchange(protocol)[0] for protocol in others]
    whole = told(script, *([("request", data)] for data in requests))
    pieces = told(script, *(in_pieces(data, list(range(1, 30))) for data in requests))
    for protocol, frames, of_each_byte in zip(others, whole, pieces, strict=True):
        text = f"these bytes are {protocol}, not {own}: Decode As ..."
        assert frames == [(text, text)]
        assert of_each_byte[-1] == (text, text)


@each_script
def test_an_answer_of_another_protocol_is_named(script: Path) -> None:
    own = TITLES[script]
    others = ["FastCGI", "AJP", "TLS"] + (["HTTP"] if own == "SCGI" else [])
    request = exchange(own)[0]
    found = told(script, *([("request", request), ("response", exchange(other)[1])] for other in others))
    for protocol, frames in zip(others, found, strict=True):
        assert frames[0] == ("GET /x/hello", "")
        text = f"these bytes are {protocol}, not {own}: Decode As ..."
        assert frames[1] == (text, text)


@each_script
def test_a_sound_exchange_has_no_expert_info(script: Path) -> None:
    request, response = exchange(TITLES[script])
    for frames in told(script, [("request", request), ("response", response)], in_pieces(request, list(range(1, 99)))):
        assert [message for _, message in frames if "HTTP/1.1 200 OK" not in message] == [""] * len(frames)


def test_cgis_head_over_uwsgi_is_text() -> None:
    request, answer = exchange("uwsgi")[0], b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno"
    whole: list[Segment] = [("request", request), ("response", answer), ("response", b"more")]
    cut: list[Segment] = [("request", request), ("response", answer[:3]), ("response", answer[3:])]
    date: list[Segment] = [("request", request), ("response", b"date: x\r\n" + answer)]
    found = columns_of_each(UWSGI, [whole, cut, date], "_ws.expert.message", "text", "http.response.code")
    text = "no HTTP status line: this is CGI's head"
    assert [[",".join(frame[0]) for frame in frames] for frames in found] == [
        ["", text, ""],
        ["", "", text],
        ["", text],
    ]
    for frames in found:
        assert any("Status: 404 Not Found" in line for frame in frames for line in frame[1])
        assert not any(frame[2] for frame in frames)


def scgi(block: bytes, body: bytes = b"abc") -> bytes:
    return b"%d:%b,%b" % (len(block), block, body)


def uwsgi(pairs: Pairs, spoilt: bytes = b"") -> bytes:
    data: bytes = WIRE.packet(WIRE.request([*POST, *pairs])[4:] + spoilt) + b"abc"
    return data


DOUBT = ": the body's end is in doubt"
RULES = [
    (SCGI, b"0" + scgi(b"CONTENT_LENGTH\x003\0SCGI\x001\0"), "breach", "a zero before the digits"),
    (SCGI, scgi(b"SCGI\x001\0CONTENT_LENGTH\x003\0"), "breach", "CONTENT_LENGTH is not the first"),
    (SCGI, scgi(b"CONTENT_LENGTH\x003\0SCGI\x001\0A\0b\0A\0c\0"), "breach", "A stands twice"),
    (SCGI, scgi(b"CONTENT_LENGTH\x003\0SCGI\x001\0CONTENT_LENGTH\x003\0"), "breach", "CONTENT_LENGTH stands twice"),
    (SCGI, scgi(b"CONTENT_LENGTH\x003\0A\0b\0"), "breach", "no header SCGI with the value 1"),
    (SCGI, scgi(b"CONTENT_LENGTH\0x\0SCGI\x001\0"), "malformed", f"CONTENT_LENGTH is no decimal number{DOUBT}"),
    (SCGI, scgi(b"CONTENT_LENGTH\0\0SCGI\x001\0", b""), "breach", "CONTENT_LENGTH is empty"),
    (SCGI, scgi(b"SCGI\x001\0A\0b\0", b""), "breach", "no CONTENT_LENGTH"),
    (SCGI, scgi(b"CONTENT_LENGTH\x003\0SCGI\x001\0\0b\0"), "breach", "a name is empty"),
    (SCGI, scgi(b"CONTENT_LENGTH\x003\0SCGI\x001\0A"), "malformed", "name: cut off, or not what it should be"),
    (
        *(SCGI, scgi(b"CONTENT_LENGTH\x003\0SCGI\x001\0CONTENT_LENGTH\x004\0")),
        *("malformed", f"CONTENT_LENGTH is not the same as before{DOUBT}"),
    ),
    (UWSGI, uwsgi([(LENGTH, b"3"), (LENGTH, b"03")]), "breach", "CONTENT_LENGTH stands twice"),
    (UWSGI, uwsgi([(LENGTH, b""), (LENGTH, b"3")]), "malformed", f"CONTENT_LENGTH is not the same as before{DOUBT}"),
    (UWSGI, uwsgi([(LENGTH, b"-3")]), "malformed", f"CONTENT_LENGTH is no decimal number{DOUBT}"),
    (UWSGI, uwsgi([(LENGTH, b"3")], b"\x09\0a"), "malformed", "key: cut off, or not what it should be"),
]


@each_script
def test_broken_rules(script: Path) -> None:
    rules = [rule[1:] for rule in RULES if rule[0] == script]
    names = [f"{script.stem}.{name}" for name in ("breach", "malformed", "body")]
    cases: list[list[Segment]] = [[("request", data)] for data, _, _ in rules]
    found = columns_of_each(script, cases, "_ws.expert.message", *names)
    for (data, level, text), ((messages, breaches, faults, bodies),) in zip(rules, found, strict=True):
        assert messages == [text], data
        assert (bool(breaches), bool(faults)) == (level == "breach", level == "malformed"), data
        assert bodies == ([] if DOUBT in text or not data.endswith(b"abc") else [b"abc".hex()]), data


@each_script
@pytest.mark.parametrize("surplus", [b"\r\n", b"junk of a client", b"\xfejunk"])
def test_bytes_behind_a_request(script: Path, surplus: bytes) -> None:
    request = exchange(TITLES[script])[0]
    together: list[Segment] = [("request", request + surplus)]
    apart: list[Segment] = [("request", request), ("request", surplus)]
    cut: list[Segment] = [("request", request[:50]), ("request", request[50:] + surplus)]
    for frames in told(script, together, apart, cut):
        info, message = frames[-1]
        assert info.endswith("[bytes behind the request]")
        assert message == "bytes behind the request"


@each_script
def test_a_request_that_is_cut_off(script: Path) -> None:
    """TCP tells no dissector of FIN, so it is shown at the frame with FIN."""
    data = scgi(b"CONTENT_LENGTH\x0040\0SCGI\x001\0", b"") if script == SCGI else uwsgi([(LENGTH, b"40")])[:-3]
    cases: list[list[Segment]] = [
        [("request", data + b"0123456789"), END],
        [("request", data), ("request", b"01234"), ("request", b"56789"), END],
        [("request", data), END],
        [("request", data[:9]), END],
        [("request", data + b"0123456789" * 4), END],
    ]
    ends = [frames[-1] for frames in told(script, *cases)]
    texts = ["10 of 40 bytes of the body came"] * 2 + ["0 of 40 bytes of the body came"]
    for (info, message), text in zip(ends, [*texts, "the stream ends in the middle of a request"], strict=False):
        assert info == text
        assert text in message
    assert "of 40" not in ends[-1][1]
