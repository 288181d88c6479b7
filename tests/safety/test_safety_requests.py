"""Requests that lie, in every cell: forged headers change nothing that the app sees."""

from typing import Any

import pytest
from raw_http import Answer, ask, everywhere, request
from zoo_in_test import Zoo

#: Header lines that would pass for something that a front or a gateway says. None may change any variable.
FORGED = [
    "Proxy: http://evil.test/",
    "Forwarded: for=6.6.6.6;proto=https;host=evil.test",
    "X-Real-IP: 6.6.6.6",
    "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-Host: evil.test",
    "X-Forwarded-Port: 666",
    "X-Forwarded-Prefix: /evil",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Protocol: ssl",
    "X-Forwarded-Server: evil.test",
    "X-Forwarded-Ssl: on",
    "Script-Name: /evil",
    "Path-Info: /evil",
    "X-Zoo-Front: evil",
    "X-Zoo-Follow: 7",
    "X-Request-ID: evil",
    # the same with underscores: as variables they could not be told apart
    "SCRIPT_NAME: /evil",
    "PATH_INFO: /evil",
    "X_Zoo_Front: evil",
    "X-Zoo_Front: evil",
    "X_Zoo-Front: evil",
    "X_Zoo_Follow: 7",
    "X-Zoo_Follow: 7",
    "X_Zoo-Follow: 7",
    "X_Request_ID: evil",
    "X-Request_ID: evil",
    "X_Real_IP: 6.6.6.6",
    "X_Forwarded_For: 6.6.6.6",
    "X-Forwarded_For: 6.6.6.6",
    "X_Forwarded-Proto: https",
    "X_Forwarded_Proto: https",
    "X_Forwarded_Host: evil.test",
    "X_Forwarded_Ssl: on",
    "Content_Length: 5",
    "Content_Type: evil/evil",
    "Transfer_Encoding: chunked",
    # empty, repeated
    "X-Zoo-Front:",
    "X-Forwarded-For:",
    "X-Zoo-Front: evil\r\nX-Zoo-Front: evil",
    "X-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 7.7.7.7",
]
#: Names that only look dangerous: they arrive as HTTP_<name>, beside the variable that they imitate, or not at all.
LOOKALIKES = [
    "Connection: close, X-Zoo-Front, X-Forwarded-For, X-Forwarded-Proto, X-Request-ID",  # asks a proxy to remove them
    "Expect: 100-continue",
    "Remote-Addr: 6.6.6.6",
    "REMOTE_ADDR: 6.6.6.6",
    "Remote-User: root",
    "Client-IP: 6.6.6.6",
    "Request-Method: DELETE",
    "X-HTTP-Method-Override: DELETE",
    "Request-Uri: /evil",
    "X-Original-URL: /evil",
    "Server-Name: evil.test",
    "Https: on",
    "Front-End-Https: on",
    "X-Scheme: https",
    "X-Url-Scheme: https",
    "X-Forwarded-Scheme: https",
    "X-Script-Name: /evil",
    "Uwsgi-File: /evil.py",
    "UWSGI_FILE: /evil.py",
    "Wsgi.url-Scheme: https",
    "Foo_Bar: evil",
]
PASSING = ("HTTP_X_REQUEST_ID", "REMOTE_PORT")  # differ from request to request
STABLE = ("exhibit", "front", "script_name", "path_info", "remote_addr", "url_scheme", "request_uri", "server_software")


def variables(zoo: Zoo, exhibit: str, front: str, *headers: str) -> dict[str, str]:
    """What echo saw, without what differs each time; a refusal as the variable `refused`."""
    seen = ask(zoo.ports[front], request(f"/{exhibit}/echo?a=1", *headers))
    if seen.status == 100:  # nginx says "go on" first
        seen = Answer(200, {}, seen.body.partition(b"\r\n\r\n")[2])
    if seen.status != 200:
        return {"refused": f"{seen.status} {seen.body[:80]!r}"}
    found: dict[str, str] = seen.json()["variables"]
    if "evil" in found["HTTP_X_REQUEST_ID"] or len(found["HTTP_X_REQUEST_ID"]) < 20:
        return {"forged id": found["HTTP_X_REQUEST_ID"]}
    return {name: value for name, value in found.items() if name not in PASSING}


def difference(before: dict[str, str], after: dict[str, str]) -> dict[str, Any]:
    return {n: (before.get(n), after.get(n)) for n in before.keys() | after.keys() if before.get(n) != after.get(n)}


def test_forged_headers_change_no_variable(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> list[str]:
        honest = variables(zoo, exhibit, front)
        lies = [(line, difference(honest, variables(zoo, exhibit, front, line))) for line in FORGED]
        return [f"{line!r} changed {changed}" for line, changed in lies if changed]

    everywhere(zoo.open_cells(), check)


def test_what_the_front_says_about_the_visitor_is_its_own(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> list[str]:
        seen = variables(zoo, exhibit, front)
        trusted = {n: v for n, v in seen.items() if n.startswith(("HTTP_X_FORWARDED", "HTTP_FORWARDED", "HTTP_X_ZOO"))}
        wanted = {"HTTP_X_FORWARDED_FOR": "127.0.0.1", "HTTP_X_FORWARDED_PROTO": "http", "HTTP_X_ZOO_FRONT": front}
        kept = {n: v for n, v in wanted.items() if n in trusted or exhibit != "wsgi-waitress"}  # it keeps For and Proto
        return [] if trusted == kept else [f"{trusted}, not {kept}"]

    everywhere(zoo.open_cells(), check)


@pytest.mark.slow
def test_lookalikes_change_nothing_but_their_own_variable(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> list[str]:
        honest = variables(zoo, exhibit, front)
        complaints = []
        for line in LOOKALIKES:
            changed = difference(honest, variables(zoo, exhibit, front, line))
            own = "HTTP_" + line.partition(":")[0].upper().replace("-", "_")
            if set(changed) - {own}:
                complaints.append(f"{line!r} changed {changed}")
        return complaints

    everywhere(zoo.open_cells(), check)


def test_all_lies_at_once_change_nothing_that_status_says(zoo: Zoo) -> None:
    once = [line for line in FORGED if "\r\n" not in line and not line.endswith(":")]
    lines = [*once, *(line for line in LOOKALIKES if not line.startswith("Expect"))]

    def facts(exhibit: str, front: str, *headers: str) -> dict[str, Any]:
        seen = ask(zoo.ports[front], request(f"/{exhibit}/status?json", *headers))
        if seen.status != 200:
            return {"refused": f"{seen.status} {seen.body[:80]!r}"}
        return {name: seen.json()[name] for name in STABLE}

    def check(exhibit: str, front: str) -> list[str]:
        changed = difference(facts(exhibit, front), facts(exhibit, front, *lines))
        return [f"changed {changed}"] if changed else []

    everywhere(zoo.open_cells(), check)


def test_a_header_sent_twice_is_joined_or_one_of_the_two(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> list[str]:
        honest = variables(zoo, exhibit, front)
        changed = difference(honest, variables(zoo, exhibit, front, "X-Twice: 1", "X-Twice: 2"))
        if (exhibit, front) == ("scgi-modern", "nginx") and "502" in str(changed.get("refused")):
            return []  # nginx before 1.23 sends the name twice, which SCGI forbids: see nginx/params/scgi.conf
        seen = changed.pop("HTTP_X_TWICE", (None, "nothing"))[1]
        right = not changed and seen.replace(" ", "") in ("1,2", "1", "2")
        return [] if right else [f"X-Twice is {seen!r}, changed: {changed}"]

    everywhere(zoo.open_cells(), check)


def test_query_parameters_are_no_variables(zoo: Zoo) -> None:
    query = "a=1&a=2&SCRIPT_NAME=/evil&PATH_INFO=/evil&REMOTE_ADDR=6.6.6.6&a%5B%5D=3&wsgi.url_scheme=https;b"

    def check(exhibit: str, front: str) -> list[str]:
        honest = variables(zoo, exhibit, front)
        seen = ask(zoo.ports[front], request(f"/{exhibit}/echo?{query}")).json()["variables"]
        changed = difference(honest, {n: v for n, v in seen.items() if n not in PASSING})
        changed.pop("REQUEST_URI", None)
        return [] if changed == {"QUERY_STRING": ("a=1", query)} else [f"changed {changed}"]

    everywhere(zoo.open_cells(), check)


def test_passwords_and_cookies_are_masked(zoo: Zoo) -> None:
    lines = ["Authorization: Basic c2VjcmV0", "Proxy-Authorization: Basic c2VjcmV0", "Cookie: c2VjcmV0=c2VjcmV0"]

    def check(exhibit: str, front: str) -> list[str]:
        seen = ask(zoo.ports[front], request(f"/{exhibit}/echo", *lines))
        masked = seen.json()["variables"].get("HTTP_COOKIE") == "(masked)"
        return [] if masked and b"c2VjcmV0" not in seen.body else [f"{seen.status} {seen.body!r}"]

    everywhere(zoo.open_cells(), check)


def test_every_answer_carries_an_id_of_its_own(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> list[str]:
        seen = [ask(zoo.ports[front], request(f"/{exhibit}/{path}", "X-Request-ID: evil")) for path in ("echo", "none")]
        ids = [answer.headers.get("x-request-id", "") for answer in seen]
        inside = seen[0].json()["variables"]["HTTP_X_REQUEST_ID"]
        right = min(map(len, ids)) >= 20 and ids[0] != ids[1] and ids[0] == inside
        return [] if right else [f"{ids}, and inside {inside}"]

    everywhere(zoo.open_cells(), check)
