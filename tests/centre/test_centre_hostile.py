"""Text of strangers in the visitor centre: it is inserted as text, on every page, and nothing of it runs."""

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
import raw_http
from browser import chromium
from centre_in_test import CentreZoo, a_centre  # noqa: F401 - a fixture
from centre_states import PATHS, open_all, visit
from centre_tab import drawn, fits
from own_checkout import checkout
from zoo_in_test import slow

if TYPE_CHECKING:
    from playwright.sync_api import Route

RUN = "window.ran=1"
PAYLOADS = [
    f"<img src=x onerror={RUN}>",
    f"<script>{RUN}</script>",
    f"<svg onload={RUN}>",
    f"</script><script>{RUN}</script>",
    f'"><img src=x onerror={RUN}>',
    f"'><img src=x onerror={RUN}>",
    f"' onfocus={RUN} autofocus='",
    f'" onmouseover="{RUN}',
    f"javascript:{RUN}",
    f"<a href=javascript:{RUN}>x</a>",
    f"<iframe src=javascript:{RUN}></iframe>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}>x</details>",
    f"<input autofocus onfocus={RUN}>",
    f"<math><mtext></p><img src=x onerror={RUN}>",
    f"<style>@import 'http://evil.example'</style><b onclick={RUN}>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<base href=http://evil.example/>",
    f"<form action=javascript:{RUN}><button>x</button></form>",
    f"<object data=javascript:{RUN}>",
    f"<template><script>{RUN}</script></template>",
    f"<!--><img src=x onerror={RUN}>-->",
    f"<![CDATA[<img src=x onerror={RUN}>]]>",
    f"${{{RUN}}} {{{{{RUN}}}}}",
    f"&lt;img src=x onerror={RUN}&gt;",
    f"\u003cimg src=x onerror={RUN}\u003e \u2028 \u202e\u0000\u200b",
    f"</textarea></title></style><img src=x onerror={RUN}>",
    "%3Cscript%3E" + RUN + "%3C/script%3E __proto__ constructor " + "A" * 300,
]
KEPT = ("state", "front", "fronts", "id", "exhibit", "under_way")  # words by which the scripts find their way


def hostile(value: Any, payloads: "itertools.cycle[str]", name: str = "") -> Any:
    """The same record; each text has a payload behind it, names of groups and axes, too."""
    if isinstance(value, dict):
        named = name in ("protocols", "axes", "request", "response") and "wire protocol" not in value
        return {
            key + (next(payloads) if named and name == "protocols" else ""): hostile(each, payloads, key)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [hostile(each, payloads, name) for each in value]
    return value + next(payloads) if isinstance(value, str) and name not in KEPT else value


INSERTED = """[...document.querySelectorAll(
  "img, iframe, object, base, style, math, template, textarea, body script, main meta, main link, [onerror], [onload], "
  + "[onclick], [onfocus], [onmouseover], [ontoggle], a[href^='javascript:'], main form[action]",
)].map((each) => each.outerHTML)"""
#: Keep what the server itself sent.
OWN = f"addEventListener('DOMContentLoaded', () => {{ window.own = {INSERTED}; }})"


@pytest.mark.slow
@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("first", [0, *slow(10, 20)])
def test_payloads_in_every_text_stay_text(centre: CentreZoo, name: str, first: int) -> None:
    """30 payloads go round through all texts of a page's data, from three beginnings."""
    asked: list[str] = []

    def replace(route: "Route") -> None:
        url = route.request.url
        live = url.endswith("/live")
        answer = route.fetch(url=url.removesuffix("/live"))
        if "json" not in answer.headers["content-type"]:
            route.fulfill(response=answer)
            return
        payloads = itertools.cycle(PAYLOADS[first:] + PAYLOADS[:first])
        text = json.dumps(hostile(answer.json(), payloads))
        if live:
            route.fulfill(content_type="text/event-stream", body=f"event: whole\ndata: {text}\n\n")
        else:
            route.fulfill(response=answer, body=text)

    with chromium() as browser, browser.new_context(viewport={"width": 390, "height": 844}) as context:
        context.on("request", lambda request: asked.append(request.url))
        context.route("**/api/**", replace)
        tab = context.new_page()
        tab.add_init_script(OWN)
        visit(tab, centre.origin + PATHS[name])
        if tab.locator("#hold").count():
            tab.fill("#hold", "10")
            if tab.locator("#send").is_enabled():
                tab.click("#send")
                tab.locator(".crowd").first.wait_for()
        open_all(tab)
        assert RUN in (tab.locator("main").text_content() or ""), "the payloads are seen"
        assert tab.evaluate(INSERTED) == tab.evaluate("window.own"), "what the server sent, and no more"
        assert tab.evaluate("window.ran") is None
        assert fits(tab)
    assert all(url.startswith(centre.origin) for url in asked)


@pytest.mark.slow
def test_payloads_in_real_requests_stay_text(centre: CentreZoo) -> None:
    """Paths, headers and bodies, as a client sends them to the recording fronts."""
    plain = [each.encode("ascii", "ignore").decode().replace("\0", "") for each in PAYLOADS]
    assert centre.post({}, action="wire/start").status == 200
    fronts = centre.json("/api/wire")["fronts"]
    for number, payload in enumerate(plain):
        front = fronts[("nginx", "apache")[number % 2]]
        port = int(front.rpartition(":")[2])
        path = "/fastcgi/echo?" + payload.replace(" ", "+")
        lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"X-Payload: {payload}", f"User-Agent: {payload}"]
        lines += [f"Cookie: {payload}", f"Content-Length: {len(payload)}", "Connection: close", "", payload]
        raw_http.ask(port, "\r\n".join(lines).encode())
    given = {"cells": [["fastcgi", "nginx"]], "endpoint": "/echo?" + plain[0].replace(" ", "+"), "method": "POST"}
    headers = [[f"X-Payload-{number}", payload[:200]] for number, payload in enumerate(plain[:20])]
    answer = centre.post(given | {"headers": headers, "body": "".join(PAYLOADS)}, action="follow/send")
    assert answer.status == 200, answer
    followed = answer.json()
    with chromium(["404"]) as browser, browser.new_context(viewport={"width": 390, "height": 844}) as context:
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        tab = context.new_page()
        tab.add_init_script(OWN)
        tab.goto(f"{centre.origin}/wire")
        tab.locator("#list [role=option], #list > *").first.wait_for()
        for _ in range(len(plain) + 2):
            tab.keyboard.press("Escape")
            tab.locator("#list").press("ArrowUp")
            tab.wait_for_timeout(30)
            assert tab.evaluate(INSERTED) == tab.evaluate("window.own")
        assert tab.evaluate("window.ran") is None
        assert fits(tab)
        tab.route("**/api/follow/send", lambda route: route.fulfill(json=followed))
        tab.goto(f"{centre.origin}/follow")
        tab.locator("#send:enabled").click()
        for station in tab.locator("#ways button").all():
            station.click()
            assert tab.evaluate(INSERTED) == tab.evaluate("window.own")
        assert tab.evaluate("window.ran") is None
        assert RUN in (tab.locator("main").text_content() or "")
        assert fits(tab)
        assert [url for url in asked if not url.startswith(f"{centre.origin}/")] == []


@pytest.mark.slow  # a zoo of its own; the quick ones go through the same scripts
def test_a_hostile_registry_is_text_in_every_form() -> None:
    """The label and the sentence of an exhibit come from files that others write."""
    payload = f"<img src=x onerror={RUN}>"
    with checkout() as root:
        for name, old in {"cage.toml": "one process, four threads", "README.md": "**Origin.**"}.items():
            file = root / "fastcgi" / name
            text = file.read_text(encoding="utf-8")
            assert old in text
            file.write_text(
                text.replace(old, f"{payload} {old}"[: 44 if name == "cage.toml" else None]), encoding="utf-8"
            )
        with CentreZoo(root) as zoo, chromium() as browser:
            zoo.up("fastcgi")
            assert zoo.ask("/", "Accept: text/html").body.count(b"<img") == 0
            assert zoo.ask("/exhibit/fastcgi").headers["content-type"] == "text/plain; charset=utf-8"
            for path in ("/", "/exhibit/fastcgi", "/compare/fastcgi/cgi"):
                tab = browser.new_page()
                tab.goto(zoo.origin + path)
                drawn(tab)
                if path != "/compare/fastcgi/cgi":
                    assert payload in (tab.locator("main").text_content() or "")
                assert tab.evaluate(INSERTED) == []
                assert tab.evaluate("window.ran") is None
                tab.close()
