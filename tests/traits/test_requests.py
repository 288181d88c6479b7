"""The traits of requests give the answers that the specifications and the servers' sources predict."""

import pytest
from zoo_in_test import ROOT

from gateway_zoo.registry.cages import load
from gateway_zoo.settings import read_settings
from gateway_zoo.traits import catalogue, measure
from gateway_zoo.traits.limits import longest
from gateway_zoo.traits.outcome import Unknown
from gateway_zoo.traits.records import Answer
from gateway_zoo.traits.telling import split_words

EXHIBITS = ["asgi", "cgi", "fastcgi", "scgi", "uwsgi"]
#: (trait, exhibit, front) -> the answer.
PREDICTED = {
    ("path_split", "scgi", "nginx"): "prefix + rest",  # the zoo's fragments
    ("path_split", "scgi", "apache"): "prefix + rest",
    ("path_split_stock", "fastcgi", "nginx"): "whole + empty",  # fastcgi_params has no PATH_INFO
    ("path_split_stock", "uwsgi", "nginx"): "empty + whole",  # uwsgi_params has no SCRIPT_NAME
    ("path_split_stock", "fastcgi", "apache"): "whole + empty",  # mod_proxy_fcgi without proxy-fcgi-pathinfo
    ("proxy_header", "cgi", "nginx"): "kept back",  # httpoxy
    ("proxy_header_stock", "cgi", "nginx"): "in environ and process",
    ("proxy_header_stock", "fastcgi", "apache"): "kept back",  # Apache since 2.4.24
    ("authorization", "cgi", "apache"): "kept back",  # without CGIPassAuth
    ("authorization", "fastcgi", "nginx"): "arrives",
    ("authorization_stock", "fastcgi", "nginx"): "arrives, REMOTE_USER set",  # $remote_user is not checked
    ("null_byte", "fastcgi", "nginx"): "400",
    ("not_utf8_path", "asgi", "nginx"): "U+FFFD, lost",  # ASGI decodes the path as UTF-8
    ("not_utf8_path", "fastcgi", "nginx"): "its byte",
    ("underscore_headers", "uwsgi", "nginx"): "no, dropped",
    ("headers_in_total", "uwsgi", "nginx"): "8 kB, then 502",  # buffer-size = 16384
    ("expect_continue", "asgi", "nginx"): "before the program",
    ("request_trailers", "asgi", "nginx"): "body arrives, no trailer",
    ("request_trailers", "asgi", "apache"): "411",  # the zoo's Apache refuses a body without a length
    ("websocket_handshake", "asgi", "nginx"): "101, it opens",
    ("websocket_handshake", "cgi", "apache"): "501",  # WSGI has no second way
    ("url_scheme", "fastcgi", "apache"): "http, https",
}


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, str, str], Answer]:
    """The answers of the traits above in these exhibits, by one measurement."""
    settings = read_settings()
    traits = catalogue.known(catalogue.find(ROOT), sorted({trait for trait, _, _ in PREDICTED}))
    matrix = measure.measure(settings, load(settings.root), traits, EXHIBITS)
    return {(answer.trait, answer.exhibit, answer.front): answer for answer in matrix.answers}


@pytest.mark.slow
@pytest.mark.parametrize("key", PREDICTED, ids="-".join)
def test_a_cell_answers_as_predicted(answers: dict[tuple[str, str, str], Answer], key: tuple[str, str, str]) -> None:
    answer = answers[key]
    assert answer.text == PREDICTED[key], answer
    assert answer.evidence, "an answer rests on evidence"


@pytest.mark.slow
def test_a_program_inside_the_front_needs_no_parameter_file(answers: dict[tuple[str, str, str], Answer]) -> None:
    answer = answers["path_split_stock", "cgi", "apache"]
    assert (answer.state, answer.answers) == ("not asked", [])
    assert "inside apache" in answer.why


def test_the_words_for_a_split_path() -> None:
    def words(script: str | None, path: str | None) -> str:
        return split_words("/cgi/a/b", {"SCRIPT_NAME": script, "PATH_INFO": path})

    assert words("/cgi", "/a/b") == "prefix + rest"
    assert words("/cgi/a/b", None) == "whole + missing"
    assert words("", "/cgi/a/b") == "empty + whole"
    assert words("/c", "gi/a/b") == "other + other"


def test_the_search_for_a_limit_needs_few_requests() -> None:
    asked: list[int] = []

    def attempt(length: int) -> str:
        asked.append(length)
        return "431" if length > 9_500 else ""

    outcome = longest(attempt)
    assert (outcome.text, outcome.figure) == ("8 kB, then 431", 9.0)
    assert len(asked) <= 7
    with pytest.raises(Unknown, match="not even 2000 bytes"):
        longest(lambda length: "502")
