"""The Reader for Apache against the bytes that real Apaches send: a whole zoo, and copies without one line each."""

import contextlib
from collections.abc import Iterator

import msgspec
import pytest
from apache_in_test import CODECS, Copies, Gateways, Pairs, planned, run_of_ours, send
from wire_record_in_test import SHIFT, recording
from zoo_in_test import REGISTRY, ROOT, TLS, Zoo, eventually

from gateway_zoo.follow import apache_config
from gateway_zoo.follow.apache_lines import Reader
from gateway_zoo.follow.lines import Line, Origin, Request
from gateway_zoo.keeper import fronts
from gateway_zoo.settings import read_settings
from gateway_zoo.wire.exchange import fields_of
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.view.variables import variables_of

pytestmark = pytest.mark.slow
HOST = ("Host", "localhost")

SENT = (
    *(HOST, ("User-Agent", "test"), ("Accept", "*/*"), ("Cookie", "a=b"), ("X-Own", "1"), ("X-Zoo-Front", "evil")),
    *(("Connection", "close"), ("Content-Type", "text/plain"), ("Content-Length", "3")),
)
REQUESTS = [
    Request(method, "hello", SENT if method == "POST" else SENT[:-2], tls)
    for method in ("GET", "POST")
    for tls in (False, True)
]


@pytest.fixture(scope="module")
def whole_zoo() -> Iterator[Zoo]:
    with Zoo() as made:
        yield made.up("--echo", "--with", "php")


def holds(origin: Origin, exhibit: str) -> bool:
    """Does the line hold what the origin says?"""
    assert origin.line
    words = " ".join(origin.line.text.split())
    name = origin.name.removeprefix("HTTP_").replace("_", "-").lower()
    if words.startswith("ProxyPass "):
        return words.startswith(f'ProxyPass "/{exhibit}/')
    if origin.name == "HTTPS":
        return words == "SSLEngine on"
    if origin.name.startswith("SSL_"):
        return words == "SSLOptions +StdEnvVars"
    return f" {origin.name}=" in words or name in words.lower().replace("_", "-").split()


def test_every_name_on_the_wire_has_one_origin(whole_zoo: Zoo) -> None:
    reader = Reader(read_settings(whole_zoo.env | {"ZOO_ROOT": str(ROOT)}))
    exchanges = Exchanges(CODECS)
    sent: list[tuple[str, Request]] = []
    with recording(whole_zoo, "--front", "apache", "--secrets") as made:
        port = whole_zoo.ports["apache"] + SHIFT
        ids = [id for id, front in whole_zoo.open_cells() if front == "apache" and not REGISTRY.runs_inside(id, front)]
        for id in ids:
            for each in REQUESTS:
                request = msgspec.structs.replace(each, path=f"/{id}/hello")
                assert send(request, port, port + TLS) in {200, 405}, (id, each)
                sent.append((id, request))
        eventually(lambda: made.text().count(" /") >= len(sent), 10, "all of it written")
        assert made.stop() == 0
        for entry in made.entries():
            exchanges.feed(entry)
    assert {"ajp", "fastcgi", "scgi-tcp", "uwsgi", "wsgi", "asgi-board"} <= set(ids)
    assert len(exchanges.all) == len(sent)
    protocols = set()
    for (id, request), exchange in zip(sent, exchanges.all.values(), strict=True):
        assert (exchange.exhibit, exchange.method) == (id, request.method)
        protocols.add(exchange.protocol)
        variables = variables_of(exchange.protocol, fields_of(exchange, CODECS), CODECS)["request"]
        origins = reader.origins(id, exchange.protocol, request, [each.name for each in variables])
        assert [each.name for each in origins] == [each.name for each in variables]
        given = {name.lower(): value for name, value in request.headers}
        for origin, variable in zip(origins, variables, strict=True):
            if origin.kind == "line":
                assert holds(origin, id), origin
            elif origin.kind == "client":
                assert given[origin.header.lower()] == variable.value, origin
            else:
                assert origin.why, origin
                assert "adds it" not in origin.why, f"{id}: no origin is known for {origin}"
    assert protocols == {"AJP", "FastCGI", "SCGI", "uwsgi", "HTTP"}


@pytest.mark.parametrize("id", ["cgi", "fcgid", "mod_wsgi", "mod_wsgi-embedded", "php-cgi", "php-fcgid"])
def test_programs_inside_apache_got_names_with_an_origin(whole_zoo: Zoo, id: str) -> None:
    if (id, "apache") not in whole_zoo.open_cells():
        pytest.skip(f"{id} is closed here")
    reader = Reader(read_settings(whole_zoo.env | {"ZOO_ROOT": str(ROOT)}))
    headers = (HOST, ("User-Agent", "x"), ("X-Own", "2"), ("Accept", "*/*"), ("Accept-Encoding", "no"))
    request = Request("GET", f"/{id}/echo", (*headers, ("Connection", "close")))
    variables = whole_zoo.get(id, "apache", "echo", headers=dict(request.headers)).json()["variables"]
    origins = {each.name: each for each in reader.origins(id, "CGI", request, list(variables))}
    assert origins["HTTP_X_OWN"].header == "X-Own"
    assert origins["SCRIPT_NAME"].line
    assert f'Alias "/{id}" ' in origins["SCRIPT_NAME"].line.text
    assert origins["HTTP_CONNECTION"].why.startswith("mod_fcgid" if "fcgid" in id else "")
    own = [name for name, each in origins.items() if each.why.startswith("The program's own process")]
    assert own in ([], ["wsgi.url_scheme"])


TARGETS = (
    *("wsgi/hello", "fastcgi/hello", "scgi/hello", "ajp/hello", "uwsgi-fastcgi/hello", "uwsgi-scgi/hello"),
    *("php-fpm/hello", "php-fpm-ondemand/hello", "asgi/news/socket", "asgi-board/live"),
)
SHAPING = ("RequestHeader", "ProxyFCGISetEnvIf", "ProxyPreserveHost", "ProxyAddHeaders", "SSLOptions", "SSLEngine")


def test_a_line_taken_out_changes_the_bytes() -> None:
    """Each line that the reader names for a header or a variable: an Apache without it sends other bytes."""
    with run_of_ours() as settings, contextlib.ExitStack() as ending:
        plan = planned(settings.run)
        fronts.write("apache", plan)
        reader = Reader(plan.settings)
        lines = apache_config.read(plan.settings, "apache")
        removed = [line.args[1] for line in lines if (line.name, line.args[:1]) == ("requestheader", ("unset",))]
        hostile = (HOST, ("Connection", "close, X-Zoo-Front"), *((name, "3") for name in removed))
        requests = [Request("GET", f"/{path}", hostile, tls) for path in TARGETS for tls in (False, True)]
        gateways = Gateways(plan, sorted({each.path.split("/")[1] for each in requests}))
        ending.callback(gateways.close)
        copies = Copies(plan)
        ending.callback(copies.close)
        copies.start([None, None])

        def ask(number: int, request: Request) -> Pairs | None:
            gateways.asked.clear()
            copies.send(number, request)
            return gateways.asked.get(request.path.split("/")[1])

        usual = {request: ask(0, request) for request in requests}
        assert {request: ask(1, request) for request in requests} == usual
        concerned: dict[Line, list[Request]] = {}
        silent: set[Line] = set()
        for request, pairs in usual.items():
            assert pairs, f"{request} reached no gateway: {copies.log(0)}"
            id = request.path.split("/")[1]
            protocol, names = REGISTRY.socket_protocol(id), [name for name, _ in pairs]
            origins = reader.origins(id, protocol, request, names)
            named = {line for each in origins for line in (each.line, *each.shaped_by) if line}
            shaping = {line for line in reader.applied(id, request) if line.text.startswith(SHAPING)}
            shaping |= {line for line in named if line.text.startswith("SetEnvIf")}
            silent |= set(reader.silent(id, protocol, Request("GET", request.path, (HOST,)), names))
            for line in shaping:
                concerned.setdefault(line, []).append(request)
        assert {line.text for line in silent} >= {"RequestHeader unset Proxy early", "Use Strip3 X Real IP"}
        copies.start(list(concerned))
        useless = [
            line.text
            for number, line in enumerate(concerned, 2)
            if all(ask(number, request) == usual[request] for request in concerned[line])
        ]
    assert useless == []
    assert {line.text.split()[0] for line in concerned} == {*SHAPING[:-1], "SetEnvIf", "SetEnvIfNoCase", "SetEnvIfExpr"}
    assert sum(line.text.startswith("RequestHeader set") for line in concerned) >= 5
