"""The traits of requests give the answers that the specifications and the servers' sources predict."""

import pytest
from traits_in_test import kept_natively, measured

from gateway_zoo.traits.limits import AT_FRONTS, longest
from gateway_zoo.traits.outcome import Unknown
from gateway_zoo.traits.records import Answer, Matrix
from gateway_zoo.traits.telling import split_words

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
    ("longest_uri", "fastcgi", "apache"): "8 kB, then 414",
    ("longest_uri", "uwsgi", "nginx"): "under 8 kB, then 502",  # the query stands twice in a buffer of 16384
    ("headers_in_total", "uwsgi", "nginx"): "16 kB, then 502",  # buffer-size = 16384
    ("expect_continue", "asgi", "nginx"): "before the program",
    ("request_trailers", "asgi", "nginx"): "body arrives, no trailer",
    ("request_trailers", "asgi", "apache"): "411",  # the zoo's Apache refuses a body without a length
    ("websocket_handshake", "asgi", "nginx"): "101, it opens",
    ("websocket_handshake", "cgi", "apache"): "501",  # WSGI has no second way
    ("url_scheme", "fastcgi", "apache"): "http, https",
}


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return kept_natively()


def one_answer(matrix: Matrix, key: tuple[str, str, str]) -> Answer:
    return next(a for a in matrix.answers if (a.trait, a.exhibit, a.front) == key)


@pytest.mark.slow
def test_stock_files_cut_the_path_elsewhere() -> None:
    matrix = measured(["path_split", "path_split_stock"], ["fastcgi"], "nginx")
    assert [a.text for a in matrix.answers] == ["prefix + rest", "whole + empty"]
    assert "include /etc/nginx/fastcgi_params" in matrix.answers[1].evidence[0].text


@pytest.mark.parametrize("key", PREDICTED, ids="-".join)
def test_theory(matrix: Matrix, key: tuple[str, str, str]) -> None:
    answer = one_answer(matrix, key)
    assert answer.text == PREDICTED[key], answer


def test_a_program_inside_the_front_needs_no_parameter_file(matrix: Matrix) -> None:
    answer = one_answer(matrix, ("path_split_stock", "cgi", "apache"))
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
        return "431" if length > 8_190 else ""

    outcome = longest(attempt)
    assert (outcome.text, outcome.figure) == ("8 kB, then 431", 7.875)
    assert len(asked) <= 7
    assert longest(lambda length: "502" if length > 7_900 else "", AT_FRONTS).text == "under 8 kB, then 502"
    assert longest(lambda length: "").text == "96 kB and more"
    with pytest.raises(Unknown, match="not even 3000 bytes"):
        longest(lambda length: "502")
