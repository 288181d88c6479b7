"""The lines of nginx's configuration that apply to a request, read from the checkout's files: no server runs."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from nginx_in_test import MAKES, written
from zoo_in_test import ROOT

from gateway_zoo.errors import Stop
from gateway_zoo.follow.lines import Line, Request
from gateway_zoo.follow.nginx_lines import Reader
from gateway_zoo.settings import Settings


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(written(tmp_path_factory.mktemp("run")))


def texts(lines: Sequence[Line]) -> list[str]:
    """The lines with single spaces."""
    return [" ".join(line.text.split()) for line in lines]


# --- the lines that apply ---------------------------------------------------------------------------------------------


def test_the_lines_of_a_request_in_the_order_of_the_phases(reader: Reader) -> None:
    lines = reader.applied("fastcgi", Request("GET", "/fastcgi/hello"))
    assert len(lines) == len(set(lines))
    assert [text for text in texts(lines) if not MAKES.match(text)] == [
        "listen 127.0.0.1:8080;",
        "client_header_timeout 10s;",
        "underscores_in_headers off;",
        "ignore_invalid_headers on;",
        "server_name localhost;",
        "if ($zoo_refused) { return 403 $zoo_refused; }",
        "map $uri $zoo_refused {",
        'default "";',
        "if ($zoo_closed) { return 404 $zoo_closed; }",
        "map $uri $zoo_exhibit {",
        '"~^/(?<segment>[a-z0-9_-]+)(/|$)" $segment;',
        "map $zoo_exhibit $zoo_closed {",
        'default "";',
        "if ($zoo_paged) { return 301 $zoo_paged$is_args$args; }",
        "map $uri $zoo_paged {",
        'default "";',
        "if ($zoo_about) { rewrite ^ /-pages/about/$zoo_about.txt last; }",
        "map $uri $zoo_about {",
        'default "";',
        "location /fastcgi/ {",
        "alias /;",
        "map $http_x_zoo_follow $zoo_id {",  # behind the first line that uses the id
        "default $request_id;",
        "fastcgi_pass unix:fastcgi.sock;",
        "fastcgi_connect_timeout 5s;",
        "fastcgi_read_timeout 60s;",
        "add_header X-Request-ID $zoo_id always;",
        "server_tokens on;",
        "send_timeout 10s;",
        "keepalive_timeout 30s;",
        "access_log /dev/stdout zoo;",
        "log_format zoo '$msec $zoo_id nginx $zoo_exhibit $status $body_bytes_sent '"
        " '$request_time $upstream_response_time \"$request\"';",
    ]
    by_text = {line.text: line for line in lines}
    assert by_text["location /fastcgi/ {"].comment == "flup, one process with four threads"
    assert by_text["server_name localhost;"].file == "nginx/server.conf"
    assert by_text["map $zoo_exhibit $zoo_closed {"].file == "$ZOO_RUN/nginx/local.conf"


HERE = (("Host", "localhost:8080"),)
ELSEWHERE = (("Host", "zoo.example.com"),)
UPGRADE = (*HERE, ("Upgrade", "websocket"))
#: request -> lines that apply in this order, lines that do not.
CASES = {
    "tls": (
        Request("POST", "/wsgi/hello", HERE, tls=True),
        ["listen 127.0.0.1:8443 ssl", "ssl_protocols", "location /wsgi/ {", "client_max_body_size", "proxy_pass"],
        ["listen 127.0.0.1:8080", "alias", "location /wsgi-sync/ {"],
    ),
    "guard": (
        Request("GET", "/uwsgi/%73tatus", ELSEWHERE),
        [
            "if ($zoo_refused)",
            "map $host $zoo_host_ours",
            "default 0;",
            'map "$zoo_host',
            'default "status',
            "access_log",
        ],
        ["if ($zoo_closed)", "location"],
    ),
    "near": (
        Request("GET", "/uwsgi/status", HERE),
        ['"~/status" $zoo_guard;', "geo $remote_addr $zoo_near", "127.0.0.1 1;", '111 "";', "location /uwsgi/ {"],
        ["110", "::1 1;"],
    ),
    "normalised": (
        Request("GET", "//wsgi/.././uwsgi%2Fhello", HERE),
        ["location /uwsgi/ {", "uwsgi_pass"],
        ["location /wsgi/ {"],
    ),
    "text of ours": (
        Request("GET", "/fastcgi/", HERE),
        ["if ($zoo_about)", '/fastcgi/ "fastcgi";', "location /-pages/ {", "internal;", "alias pages/;"],
        ["location /fastcgi/ {", "location = /-pages/index.txt {"],
    ),
    "first page": (
        Request("GET", "/", (*HERE, ("Accept", "text/html"))),
        [
            "location = / {",
            "map $http_accept $zoo_index {",
            "index_here.html",
            "location /-pages/ {",
            "location ~ ^/-pages",
        ],
        ["location / {", "location = /-pages/index.txt {"],
    ),
    "upstream": (
        Request("GET", "/scgi-tcp/hello", HERE),
        ["scgi_pass scgi-tcp;", "upstream scgi-tcp"],
        ["upstream fastcgi-tcp"],
    ),
    "websocket": (
        Request("GET", "/asgi/news/socket", UPGRADE),
        ["location = /asgi/news/socket {", "map $http_upgrade", "map $zoo_upgrade", "websocket upgrade;", "proxy_pass"],
        ["location /asgi/ {"],
    ),
    "nested": (
        Request("GET", "/php-fpm/fpm/ping", HERE),
        [
            "location /php-fpm/ {",
            "location /php-fpm/fpm/ {",
            "if ($zoo_guard)",
            "alias /;",
            "fastcgi_param SCRIPT_NAME",
        ],
        [],
    ),
    "file": (
        Request("GET", "/news/", HERE),
        ["location /news/ {", "alias", "index index.html;", "text/html html;", "add_header Content-Security-Policy"],
        ["text/css css;", "error_page"],
    ),
    "index elsewhere": (
        Request("GET", "/asgi-board/", HERE),
        ["location = /asgi-board/ {", "index index.html;", "location = /asgi-board/index.html {"],
        ["location /asgi-board/ {"],
    ),
    "method": (
        Request("POST", "/pages/static/", HERE),
        [
            "location /pages/static/ {",
            "if ($request_method",
            "error_page 405",
            "location @methods {",
            "add_header Allow",
        ],
        ["alias", "add_header Cache-Control"],
    ),
    "no file to write": (
        Request("POST", "/", HERE),
        ["location /-pages/", "error_page 405", "location @methods {"],
        [],
    ),
    "internal": (Request("GET", "/-pages/index.txt", HERE), ["location /-pages/ {", "internal;"], ["alias"]),
    "redirect": (Request("GET", "/news", HERE), ["if ($zoo_paged)", '/news "/news/";'], ["location"]),
    "unknown": (
        Request("GET", "/elephants", HERE),
        ["location / { error_page 404", "location /-pages/ {"],
        ["proxy_pass"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_only_lines_that_concern_the_request_apply(reader: Reader, case: str) -> None:
    request, wanted, unwanted = CASES[case]
    lines = texts(reader.applied("any", request))
    at = 0
    for start in wanted:
        later = [number for number, text in enumerate(lines[at:], at) if text.startswith(start) or start in text]
        assert later, f"{start!r} is not behind line {at} of {lines}"
        at = later[0]
    assert not [text for start in unwanted for text in lines if text.startswith(start)]


def test_the_answer_has_headers_of_the_nearest_level_only(reader: Reader) -> None:
    def files(method: str, path: str) -> dict[str, str]:
        lines = reader.answer_lines("any", Request(method, path, HERE))
        return {name: line.file.rpartition("/")[2] for name, line in lines.items()}

    assert files("GET", "/fastcgi/hello") == {"x-request-id": "server.conf", "server": "nginx.conf"}
    page = dict.fromkeys(
        ["x-request-id", "content-security-policy", "x-content-type-options", "cache-control"], "page.conf"
    )
    assert files("GET", "/pages/csr/") == page | {"server": "nginx.conf"}
    assert files("POST", "/pages/csr/").keys() == {"x-request-id", "allow", "server"}
    assert files("GET", "/news").keys() == {"x-request-id", "server", "location"}


def test_lines_that_shape_a_value_are_named(reader: Reader) -> None:
    request = Request("GET", "/cgi/hello", (("X_Odd", "1"), ("uSer-aGent", "curl")), tls=True)
    names = ["PATH_INFO", "SERVER_NAME", "SERVER_PORT", "HTTPS", "SCRIPT_FILENAME", "HTTP_USER_AGENT", "requestId"]
    origins = reader.origins("cgi", "FastCGI", request, names)
    assert [origin.name for origin in origins] == names
    shaped = [[text.partition(" ssl")[0] for text in texts(origin.shaped_by)] for origin in origins]
    listen = ["listen 127.0.0.1:8443"]
    root = [f'geo $zoo_root {{ default "{ROOT}"; }}']
    assert shaped == [["location /cgi/ {", "alias /;"], ["server_name localhost;"], listen, listen, root, [], []]
    assert [origin.kind for origin in origins] == ["line"] * 5 + ["client", "server"]
    assert origins[5].header == "uSer-aGent"
    over_http = reader.origins("wsgi", "HTTP", Request("GET", "/wsgi/hello"), ["method", "target", "version"])
    assert [origin.line.text if origin.line else origin.header for origin in over_http] == [
        "request line",
        "proxy_pass http://unix:wsgi.sock:/wsgi/;",
        "proxy_http_version 1.1;",
    ]


def test_the_guard_decides_the_id_of_a_followed_request(reader: Reader) -> None:
    def shapes(headers: tuple[tuple[str, str], ...]) -> list[str]:
        request = Request("GET", "/uwsgi/hello", headers)
        return texts(reader.origins("uwsgi", "uwsgi", request, ["HTTP_X_REQUEST_ID"])[0].shaped_by)

    follow = ("X-Zoo-Follow", "3")
    assert shapes(HERE) == ["map $http_x_zoo_follow $zoo_id {", "default $request_id;"]
    near, far = shapes((*HERE, follow)), shapes((*ELSEWHERE, follow))
    assert near[-3:] == ['111 "";', "map $zoo_guard $zoo_followed {", '"" follow$http_x_zoo_follow-$request_id;']
    assert far[-2:] == ["map $zoo_guard $zoo_followed {", "default $request_id;"]


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_container_without_nginx_quotes_the_same_files(tmp_path: Path, reader: Reader) -> None:
    elsewhere = Reader(Settings(root=ROOT, run=tmp_path, compose=True))
    request = Request("GET", "/uwsgi/hello", HERE)
    lines = elsewhere.applied("uwsgi", request)
    assert {line.file for line in lines} == {line.file for line in reader.applied("uwsgi", request)}
    assert "listen 0.0.0.0:8080;" in texts(lines)


#: file, text in it, what stands there instead, error; # is the number of the line
BREAKS = {
    "no semicolon": ("params/uwsgi.conf", "alias /;", "alias /", "params/uwsgi.conf, line #: .*alias"),
    "no brace": ("cages/wsgi.conf", "/wsgi/;\n}", "/wsgi/;\n", r"cages/wsgi.conf, line \d+: unexpected end of file"),
    "a brace too many": ("server.conf", "absolute_redirect off;", "}", 'server.conf, line #: unexpected "}"'),
    "no end": ("params/scgi.conf", "scgi_read_timeout    60s;\n", "scgi_read\n", "scgi.conf, the file ends inside"),
    "no file": ("cages/asgi.conf", "params/proxy.conf", "params/lost.conf", "cages/asgi.conf, line #: .*lost.conf"),
    "a circle": ("params/page.conf", "charset utf-8;", "include params/page.conf;", "a file includes itself"),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, reader: Reader, case: str) -> None:
    name, before, after, wanted = BREAKS[case]
    here = tmp_path / "nginx"
    shutil.copytree(reader._settings.run / "nginx", here)
    text = (here / name).read_text(encoding="utf-8")
    line = text[: text.index(before)].count("\n") + 1
    (here / name).write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(Stop, match=wanted.replace("#", str(line))) as stopped:
        Reader(Settings(root=ROOT, run=tmp_path)).applied("any", Request("GET", "/"))
    assert stopped.value.status == 3


def test_a_zoo_that_never_started_has_no_lines(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"nginx\.conf is missing: .*\./zoo up starts it"):
        Reader(Settings(root=ROOT, run=tmp_path)).applied("any", Request("GET", "/"))
