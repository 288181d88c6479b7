"""The contract, over every cell: the same bytes through every gateway."""

import requests
from raw_http import everywhere
from zoo_in_test import CELLS, FRONTS, REGISTRY, Zoo

HELLO = b"Hello from the Gateway Zoo\n"


def test_every_cell_of_the_table_is_open(zoo: Zoo) -> None:
    """Everything is installed where this runs: what is closed is so by its cage.toml, or optional."""
    closed = {(c["exhibit"], c["front"]): c["closed"] for c in zoo.state()["cells"] if c["closed"]}
    for (exhibit, front), why in closed.items():
        own = REGISTRY.exhibits[exhibit].closed.get(front)
        assert why == own or why.startswith("an optional part; ./zoo up --with "), (exhibit, front, why)
    assert zoo.open_cells() == CELLS
    assert {"ajp", "mod_wsgi", "mod_wsgi-embedded", "fcgid"} <= {e for e, front in closed if front == "nginx"}


def test_hello_and_ping_are_the_same_bytes_everywhere(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> None:
        for path, body in (("hello", HELLO), ("ping", b"pong\n")):
            answer = zoo.get(exhibit, front, path)
            seen = (
                answer.status_code,
                answer.headers["Content-Type"],
                answer.headers["Content-Length"],
                answer.content,
            )
            assert seen == (200, "text/plain; charset=utf-8", str(len(body)), body), (exhibit, front, path)

    everywhere(zoo.open_cells(), check)


def test_head_has_the_headers_and_no_body(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> None:
        answer = requests.head(zoo.url(exhibit, front, "hello"), timeout=20)
        assert (answer.status_code, answer.content) == (200, b""), (exhibit, front)
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8", (exhibit, front)

    everywhere(zoo.open_cells(), check)


def test_other_methods_get_405_and_what_is_allowed(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> None:
        for method in ("POST", "DELETE", "OPTIONS"):
            answer = requests.request(method, zoo.url(exhibit, front, "hello"), timeout=20)
            assert answer.status_code == 405, (exhibit, front, method, answer.text)
            assert {w.strip() for w in answer.headers["Allow"].split(",")} == {"GET", "HEAD"}, (exhibit, front)

    everywhere(zoo.open_cells(), check)


def test_status_names_exhibit_front_and_path(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> None:
        facts = zoo.status(exhibit, front)
        assert facts["exhibit"] == exhibit
        assert (facts["front"], facts["script_name"], facts["path_info"]) == (front, f"/{exhibit}", "/status"), exhibit
        assert facts["request_id"], (exhibit, front)
        for unknown in ("", 0, "0.0.0.0"):  # noqa: S104 - a value that must not appear
            strings = [name for name, value in facts.items() if value == unknown and type(value) is type(unknown)]
            assert not strings, (exhibit, front, strings)

    everywhere(zoo.open_cells(), check)


def test_every_gateway_is_told_a_server_name(zoo: Zoo) -> None:
    """RFC 3875 4.1.14 and PEP 3333: never empty. `zoo wire --via nginx` showed that it was."""

    def check(exhibit: str, front: str) -> None:
        variables = zoo.get(exhibit, front, "echo").json()["variables"]
        assert variables["SERVER_NAME"], (exhibit, front)

    everywhere(zoo.open_cells(), check)


def test_status_full_names_every_process_of_the_family(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> None:
        facts = zoo.status(exhibit, front, "json&full")
        me = [row for row in facts["processes"] if row["pid"] == facts["pid"]]
        assert len(me) == 1, (exhibit, front, facts["processes"])
        assert me[0]["requests"] == facts["requests"]
        assert all(row["pss"] > 0 for row in facts["processes"]), (exhibit, front)

    everywhere(zoo.open_cells(), check, at_once=1)  # nothing else counts requests meanwhile


def test_status_as_text_and_as_html(zoo: Zoo) -> None:
    text = zoo.get("wsgi", "nginx", "status")
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "exhibit:            wsgi\n" in text.text
    html = zoo.get("wsgi", "nginx", "status?html&full")
    assert html.headers["Content-Type"] == "text/html; charset=utf-8"
    assert html.headers["Content-Security-Policy"] == "default-src 'none'"


def test_the_first_page_lists_every_exhibit(zoo: Zoo) -> None:
    for front in FRONTS:
        answer = requests.get(f"http://127.0.0.1:{zoo.ports[front]}/", timeout=20)
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        for cell in zoo.state()["cells"]:
            if cell["front"] == front:
                assert (f"curl {cell['url']}/hello" in answer.text) != bool(cell["closed"]), cell


def test_closed_and_unknown_exhibits_say_so(zoo: Zoo) -> None:
    closed = zoo.get("ajp", "nginx", "hello")
    assert (closed.status_code, closed.text) == (404, "ajp is closed behind nginx: nginx speaks no AJP\n")
    for front in FRONTS:
        unknown = zoo.get("unicorn", front, "hello")
        assert (unknown.status_code, unknown.headers["Content-Type"]) == (404, "text/plain; charset=utf-8")
        assert "fastcgi-modern" in unknown.text


def test_a_path_the_app_does_not_know_is_the_apps_404(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> None:
        answer = zoo.get(exhibit, front, "nothing")
        assert (answer.status_code, answer.text) == (404, "404 Not Found\n"), (exhibit, front)

    everywhere(zoo.open_cells(), check)
