"""Peers that break rules of uwsgi: what is a warning, what an error, and what is known all the same."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import WIRES, variables
from test_wire_faulty_peers import Step, answer, ask, both, exchanges, faults
from wire_in_test import decode, same_in_any_pieces, tiles

from gateway_zoo.wire import foreign
from gateway_zoo.wire.events import Breach, Data, End, Other, Pairs, Variables
from gateway_zoo.wire.exchange import fields_of
from gateway_zoo.wire.faults import CannotEncode
from gateway_zoo.wire.recorder.mask_stream import Masking
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Opened

UWSGI: Any = WIRES["uwsgi"]
LENGTH = b"CONTENT_LENGTH"
COOKIE = (b"HTTP_COOKIE", b"open=sesame")
OK = answer("uwsgi")
CGI_404 = b"Status: 404 Not Found\r\nContent-Type: text/plain\r\nSet-Cookie: a=sesame\r\n\r\nno"


def post(pairs: Pairs, body: bytes = b"", spoilt: bytes = b"") -> bytes:
    """A request with these variables behind the ordinary ones. `spoilt`: bytes behind them, inside the packet."""
    block = UWSGI.request([*variables("/x/hello", "POST"), *pairs])[4:] + spoilt
    data: bytes = UWSGI.packet(block) + body
    return data


def names(errors: list[str]) -> list[str]:
    return [error.partition(" at offset")[0] for error in errors]


# --- requests ---------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("lengths", [(b"3", b"3"), (b"3", b"03")])
def test_a_content_length_that_is_repeated_is_a_breach(lengths: tuple[bytes, bytes], whole: bool) -> None:
    pairs = [(LENGTH, lengths[0]), (b"N", b"V"), (LENGTH, lengths[1]), COOKIE]
    (exchange,) = exchanges("uwsgi", [("request", post(pairs, b"abc")), ("response", OK)], whole=whole)
    assert (exchange.method, exchange.status, exchange.errors) == ("POST", 200, [])
    assert names(exchange.warnings) == ["RepeatedLength"]
    second = len(post([])) + len(UWSGI.request(pairs[:2])) - 4
    assert faults(exchange, "request") == [("CONTENT_LENGTH", second)]


@both
@pytest.mark.parametrize("lengths", [(b"3", b"4"), (b"3", b""), (b"", b"3"), (b"x",), (b"+3",), (b"3", b"x")])
def test_a_content_length_in_doubt_ends_the_reading_behind_the_variables(
    lengths: tuple[bytes, ...], whole: bool
) -> None:
    data = post([COOKIE, *((LENGTH, length) for length in lengths)], b"abc")
    (exchange,) = exchanges("uwsgi", [("request", data), ("response", OK)], whole=whole)
    assert (exchange.method, exchange.target, exchange.status) == ("POST", "/x/hello", 200)
    assert (names(exchange.errors), exchange.warnings) == (["BadContentLength"], [])
    assert [name for name, _ in faults(exchange, "request")] == ["val", "rest"]
    assert [field.name for field in fields_of(exchange, WIRES)[0] if field.secret] == ["val"]


@both
def test_lengths_that_do_not_add_up_are_a_breach_if_the_body_is_known(whole: bool) -> None:
    spoilt = b"\x05\0SHORT\xff\0and more"
    data = post([(LENGTH, b"3"), COOKIE], b"abc", spoilt)
    (exchange,) = exchanges("uwsgi", [("request", data), ("response", OK)], whole=whole)
    assert (exchange.method, exchange.status, exchange.errors) == ("POST", 200, [])
    assert names(exchange.warnings) == ["BadVariables"]
    assert faults(exchange, "request") == [("val_size", data.index(b"\xff\0and"))]
    fields = fields_of(exchange, WIRES)[0]
    assert fields[-1].value == "3 of 3 bytes"
    hidden = [data[field.offset : field.offset + field.length] for field in fields if field.secret]
    assert hidden == [b"open=sesame"]


@both
@pytest.mark.parametrize("swallowed", [b"", b"\x01\0N\x18\0"])
def test_lengths_that_do_not_add_up_hide_no_secret(swallowed: bytes, whole: bool) -> None:
    """A secret's name behind the broken rule, or in another value: what is not told is not passed on."""
    data = post([(LENGTH, b"3")], b"abc", swallowed + b"\x0b\0HTTP_COOKIE\xff\0open=sesame")
    (exchange,) = exchanges("uwsgi", [("request", data), ("response", OK)], whole=whole)
    assert (exchange.method, exchange.status, names(exchange.errors)) == ("POST", 200, ["BadVariables"])
    hidden = [data[f.offset : f.offset + f.length] for f in fields_of(exchange, WIRES)[0] if f.secret]
    assert b"sesame" in b"".join(hidden)
    assert b"sesame" not in recorded([("request", data)], 10_000 if whole else 1)


@both
def test_lengths_that_do_not_add_up_end_the_reading_if_the_body_is_not_known(whole: bool) -> None:
    data = post([], b"", b"\x0e\0" + LENGTH + b"\xff\0" + b"3")
    (exchange,) = exchanges("uwsgi", [("request", data), ("response", OK)], whole=whole)
    assert (exchange.method, exchange.status, exchange.warnings) == ("POST", 200, [])
    assert names(exchange.errors) == ["BadVariables"]
    assert faults(exchange, "request") == [("val_size", len(data) - 3)]


@both
@pytest.mark.parametrize("body", [b"", b"0123456789"])
def test_a_body_that_is_too_short(body: bytes, whole: bool) -> None:
    data = post([(LENGTH, b"40")], body)
    (exchange,) = exchanges("uwsgi", [("request", data), ("response", OK)], whole=whole)
    assert (exchange.status, exchange.warnings) == (200, [])
    (error,) = exchange.errors
    assert error.endswith(f"{len(body)} of 40 bytes of the body came")
    assert faults(exchange, "request") == [("body", len(data) - len(body))]


SURPLUS = [b"\r\n", b"def", b"\0\0\0", b"defghijk" * 9, b"\0" * 40, b"GET / HTTP/1.1\r\n", b"\0\x0a\0\0\xff\0abcdefgh"]


@both
@pytest.mark.parametrize("surplus", SURPLUS)
@pytest.mark.parametrize("late", [True, False])
def test_bytes_behind_the_body_belong_to_the_request_before(surplus: bytes, late: bool, whole: bool) -> None:
    data = post([(LENGTH, b"3")], b"abc")
    steps: list[Step] = [("request", data), ("response", OK), ("request", surplus)]
    if not late:
        steps = [("request", data + surplus), ("response", OK)]
    (exchange,) = exchanges("uwsgi", steps, whole=whole)
    assert (exchange.method, exchange.status, bytes(exchange.request)) == ("POST", 200, data + surplus)
    assert (names(exchange.errors), exchange.warnings) == (["NoPacket"], [])
    assert faults(exchange, "request") == [("rest", len(data))]


@both
def test_a_packet_behind_the_body_is_another_request(whole: bool) -> None:
    first, second = post([(LENGTH, b"3")], b"abc"), ask("uwsgi", "/x/second")
    one, two = exchanges("uwsgi", [("request", first + second[:-5])], whole=whole)
    assert (bytes(one.request), bytes(two.request)) == (first, second[:-5])
    assert (names(one.errors), names(two.errors)) == (["no answer came"], ["Truncated"])


@both
def test_a_name_twice_breaks_no_rule_of_uwsgi(whole: bool) -> None:
    (exchange,) = exchanges("uwsgi", [("request", post([COOKIE, COOKIE])), ("response", OK)], whole=whole)
    assert (exchange.status, exchange.errors, exchange.warnings) == (200, [], [])


def test_a_limit_leaves_what_stands_before_it() -> None:
    (head,), error = decode(UWSGI.decoders()[0], [UWSGI.request([(b"A", b"1"), (b"N" * 1025, b""), COOKIE])])
    assert (head, type(error).__name__) == (Variables(0, 0, [(b"A", b"1")]), "TooLong")


# --- messages and answers -----------------------------------------------------------------------------------------


@both
def test_each_ping_has_its_pong(whole: bool) -> None:
    ping, pong = UWSGI.packet(b"", 100), UWSGI.packet(b"", 100, 1)
    steps: list[Step] = [("request", ping), ("response", pong), ("request", ping), ("response", pong)]
    steps += [("request", ask("uwsgi")), ("response", OK)]
    found = exchanges("uwsgi", steps, whole=whole)
    assert [(one.status, one.errors, bytes(one.response)) for one in found] == [
        (None, [], pong),
        (None, [], pong),
        (200, [], OK),
    ]


@both
def test_a_pong_too_many_is_not_asked(whole: bool) -> None:
    ping, pong = UWSGI.packet(b"", 100), UWSGI.packet(b"", 100, 1)
    (exchange,) = exchanges("uwsgi", [("request", ping), ("response", pong + pong)], whole=whole)
    assert "not asked" in exchange.errors[0]
    assert faults(exchange) == [("modifier1", 4)]


@both
def test_a_second_answer_is_not_asked(whole: bool) -> None:
    """The connection's end is that of the answer; so the HTTP inside tells that there are two."""
    twice = OK + answer("uwsgi", 500)
    (exchange,) = exchanges("uwsgi", [("request", ask("uwsgi")), ("response", twice)], whole=whole)
    assert (exchange.status, exchange.warnings, bytes(exchange.response)) == (200, [], twice)
    (error,) = exchange.errors
    assert error.startswith("an answer that was not asked for")
    assert [offset for _, offset in faults(exchange)] == [len(OK)]


def test_an_answer_has_one_end() -> None:
    pong = UWSGI.packet(b"", 100, 1)
    assert same_in_any_pieces(lambda: UWSGI.decoders()[1], pong + pong) == [
        *(Other(0, 0, "PONG", b""), End(4, 0)),
        *(Other(4, 0, "PONG", b""), End(8, 0)),
    ]


@both
@pytest.mark.parametrize(
    "head",
    [CGI_404, b"date: x\r\n" + CGI_404, CGI_404.replace(b"\r\n", b"\n")],
)
def test_cgis_head_is_read_and_marked_once(head: bytes, whole: bool) -> None:
    (exchange,) = exchanges("uwsgi", [("request", ask("uwsgi")), ("response", head)], whole=whole)
    assert (exchange.status, exchange.errors) == (404, [])
    assert names(exchange.warnings)[0] == "NoStatusLine"
    assert faults(exchange)[0] == ("status line", 0)
    fields = fields_of(exchange, WIRES)[1]
    assert "a=sesame" in {field.value for field in fields if field.secret}
    assert len(exchange.warnings) == len(faults(exchange)) == 1


def test_cgis_head_is_told_however_it_is_cut() -> None:
    events = same_in_any_pieces(lambda: UWSGI.decoders()[1], CGI_404)
    assert [type(event) for event in events] == [Breach, Data, End]
    tiles(UWSGI.annotate("response", CGI_404), len(CGI_404))


@both
@pytest.mark.parametrize("data", [b"HTTP", b"d", b"word", b"no header\r\n\r\n", b" : x\r\n", b"H" * 2000 + b":"])
def test_an_answer_that_is_neither_is_read_as_http(data: bytes, whole: bool) -> None:
    (exchange,) = exchanges("uwsgi", [("request", ask("uwsgi")), ("response", data)], whole=whole)
    assert (exchange.status, len(exchange.errors), exchange.warnings) == (None, 1, [])


@both
def test_a_version_that_uwsgi_echoes_ends_nothing(whole: bool) -> None:
    """uWSGI answers with the version that SERVER_PROTOCOL says, and browsers speak HTTP/2 with the front."""
    data = OK.replace(b"HTTP/1.1", b"HTTP/2.0").replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=sesame\r\n\r\n")
    (exchange,) = exchanges("uwsgi", [("request", ask("uwsgi")), ("response", data)], whole=whole)
    assert (exchange.status, exchange.errors, len(exchange.warnings)) == (200, [], 1)
    assert len(faults(exchange)) == 1
    assert [field.value for field in fields_of(exchange, WIRES)[1] if field.secret] == ["a=sesame"]


# --- recordings -----------------------------------------------------------------------------------------------------


def recorded(steps: list[Step], size: int) -> bytes:
    """All bytes that a recording without secrets has; they cross in pieces of this size."""
    entries: list[AnyEntry] = []
    masking = Masking(WIRES, entries.append)
    masking(Opened(connection=1, at=1.0, exhibit="x", front="nginx", protocol="uwsgi", address="x.sock"))
    for direction, data in steps:
        for at in range(0, len(data), size):
            masking(Bytes(connection=1, at=1.0, direction=direction, data=data[at : at + size]))
    masking(Closed(connection=1, at=1.0))
    return b"".join(entry.data for entry in entries if isinstance(entry, Bytes))


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_recording_hides_secrets_and_keeps_the_rest(size: int) -> None:
    repeated = post([(LENGTH, b"3"), (LENGTH, b"3"), COOKIE], b"abc")
    written = recorded([("request", repeated), ("response", CGI_404)], size)
    assert written == (repeated + CGI_404).replace(b"sesame", b"******").replace(b"open=", b"*****").replace(
        b"a=*", b"***"
    )


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_recording_hides_what_cannot_be_split(size: int) -> None:
    written = recorded([("request", post([(LENGTH, b"3")], b"abc", b"\x0b\0HTTP_COOKIE\xff\0open=sesame"))], size)
    assert b"sesame" not in written


# --- whose bytes these are ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("modifier1", range(256))
def test_requests_of_each_kind_are_uwsgi(modifier1: int) -> None:
    pattern = UWSGI.BEGINS["request"]
    data = UWSGI.REQUESTS["MODIFIER1"].encode(variables("/x/hello"), b"", b"%d,%d" % (modifier1, 255 - modifier1))
    assert pattern.match(data)
    assert not foreign.protocol_of(WIRES, "uwsgi", "request", data)


FOREIGN = [
    *(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc"),
    *(
        b"\x16\x03\x01\0\xf8\x01\0\0\xf4\x03\x03" + bytes(16),
        b"\x12\x34\0\x01\x0a",
        b"SSH-2.0-OpenSSH_9\r\n",
        bytes(64),
    ),
    *(ask(protocol) for protocol in ("HTTP", "SCGI", "FastCGI", "AJP")),
]


@pytest.mark.parametrize("data", FOREIGN)
def test_bytes_of_other_protocols_are_not_taken_for_uwsgi(data: bytes) -> None:
    for end in range(len(data)):
        assert not UWSGI.BEGINS["request"].match(data[:end])


@given(st.binary(max_size=12))
def test_few_bytes_are_not_taken_for_uwsgi(data: bytes) -> None:
    if UWSGI.BEGINS["request"].match(data):
        assert data[:2] == b"d\0" or re.search(rb"[A-Za-z_]{4}", data[6:])


# --- what can be asked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "modifiers"), [(b"5", (5, 0)), (b"0", (0, 0)), (b"255,7", (255, 7))])
def test_a_kind_can_be_asked(value: bytes, modifiers: tuple[int, int]) -> None:
    data = UWSGI.REQUESTS["MODIFIER1"].encode([(b"N", b"V")], b"abc", value)
    assert (data[0], data[3]) == modifiers
    assert data[4:] == UWSGI.request([(b"N", b"V")], b"abc")[4:]


@pytest.mark.parametrize("value", [b"", b"x", b"256", b"5,", b"5,256", b"-1", b"1,2,3", b" 5"])
def test_a_wrong_kind_is_refused(value: bytes) -> None:
    with pytest.raises(CannotEncode, match="expected a number up to 255"):
        UWSGI.REQUESTS["MODIFIER1"].encode([], b"", value)


def test_a_ping_can_be_asked() -> None:
    assert UWSGI.REQUESTS["PING"].encode(variables("/"), b"body", b"") == UWSGI.packet(b"", 100)


@pytest.mark.parametrize("data", [OK, CGI_404, UWSGI.packet(b"", 100, 1), UWSGI.packet(b"", 255)])
def test_answers_are_not_taken_for_those_of_another_protocol(data: bytes) -> None:
    for end in range(1, len(data) + 1):
        assert not foreign.protocol_of(WIRES, "uwsgi", "response", data[:end])


@both
def test_an_answer_of_tls_is_named(whole: bool) -> None:
    alert = b"\x15\x03\x01\0\x02\x02\x28"
    (exchange,) = exchanges("uwsgi", [("request", ask("uwsgi")), ("response", alert)], whole=whole)
    assert "these bytes are TLS, not uwsgi" in exchange.errors
