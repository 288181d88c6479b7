"""The traits of bodies and responses answer what theory predicts."""

import pytest
from traits_in_test import answer, kept_natively, measured

from gateway_zoo.traits.records import Matrix

#: trait -> exhibits, and their answers behind nginx and behind Apache; None: not asked here.
THEORY: dict[str, dict[str, tuple[str | None, str]]] = {
    "answer_too_long": {"fastcgi": ("cut", "the surplus arrives"), "wsgi": ("cut", "cut"), "mod_wsgi": (None, "cut")},
    "answer_too_short": dict.fromkeys(("cgi", "scgi", "wsgi"), ("the client can tell", "the client can tell")),
    "answer_trailers": {"asgi": ("the server cannot",) * 2, "cgi": ("not asked", "not asked")},
    "answer_without_length": dict.fromkeys(("cgi", "scgi", "wsgi"), ("the last chunk", "the last chunk")),
    "bodyless_answers": dict.fromkeys(("cgi", "scgi", "wsgi"), ("dropped", "dropped")),
    "chunked_straight": {"asgi": ("empty",) * 2, "wsgi": ("whole, no length",) * 2, "scgi": ("not asked",) * 2},
    "chunked_upload": dict.fromkeys(("cgi", "scgi", "asgi"), ("whole, with a length", "411")),
    "duplicate_answer_headers": {"cgi": ("both of each", "X-Animal joined"), "wsgi": ("both of each", "both of each")},
    "early_hints": {"scgi": ("not asked", "not asked")},
    "errors_go_to": {
        "cgi": ("gateway's log", "apache's log"),
        "fastcgi": ("gateway's and nginx's log", "gateway's and apache's log"),
        "wsgi": ("gateway's log", "gateway's log"),
    },
    "file_wrapper": {"fastcgi": ("not offered", "not offered"), "wsgi": ("works, and closes",) * 2},
    "location_alone": {
        "cgi": ("200", "path: fetched, URL: 302"),
        "scgi": ("200", "path: fetched, URL: 200"),
        "wsgi": ("200", "200"),
    },
    "long_body": dict.fromkeys(("cgi", "scgi", "wsgi"), ("cut, then 400", "cut, then 400")),
    "print_goes_to": {"cgi": ("the answer", "the answer"), "fastcgi": ("gateway's log, if flushed",) * 2},
    "reason_phrase": {"cgi": ("kept", "kept"), "asgi": ("'OK'", "'OK'")},
    "short_body": {"fastcgi": ("no answer, not run", "400, not run"), "scgi": (None, "500, nothing is read")},
    "slow_upload": {
        "cgi": ("no", "yes, others go on"),
        "fastcgi": ("no", "no"),
        "scgi": ("no", "yes, and others wait"),
        "mod_wsgi": (None, "yes, and others wait"),
    },
    "stream_of_events": {
        "cgi": ("at the end", "as written"),
        "scgi": ("at the end", "as written"),
        "wsgi": ("as written", "as written"),
    },
    "stream_unbuffered": dict.fromkeys(("cgi", "scgi", "wsgi"), ("as written", "as written")),
    "too_large_body": dict.fromkeys(("cgi", "scgi", "wsgi"), ("413", "413")),
    "unread_body": {"asgi": ("answered", "answered"), "cgi": ("502", "no answer: closed"), "wsgi": ("answered", "502")},
    "unread_straight": {"wsgi": ("answered, then closed",) * 2, "scgi": ("not asked", "not asked")},
    "write_callable": dict.fromkeys(("cgi", "scgi", "asgi", "wsgi"), ("yes", "yes")),
}


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return kept_natively()


@pytest.mark.slow
def test_nginx_collects_an_answer_unless_told_not_to() -> None:
    matrix = measured(["stream_of_events", "stream_unbuffered"], ["fastcgi"], "nginx")
    assert [a.text for a in matrix.answers] == ["at the end", "as written"]
    assert all(a.evidence for a in matrix.answers)
    late, early = (a.figure or 0.0 for a in matrix.answers)
    assert early < late, "milliseconds until the first event"


@pytest.mark.parametrize("trait", THEORY)
def test_theory(matrix: Matrix, trait: str) -> None:
    expected = {
        (id, front): text
        for id, texts in THEORY[trait].items()
        for front, text in zip(("nginx", "apache"), texts, strict=True)
        if text is not None
    }
    assert {cell: answer(matrix, trait, *cell) for cell in expected} == expected
