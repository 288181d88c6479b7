"""Servers that never end, drip, or answer something else: each measuring command ends, says why, and exits 1."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from rude_server import RUDE, rude_server
from websockets.sync.server import serve
from zoo_in_test import Zoo, slow

from gateway_zoo.measure import mpm, news, observe, targets

LIMITED = {"endless body", "a byte a second", "endless comments", "silent"}
DEADLINE_S = 60.0  # of a command here, whose limits are a second: far above what it takes


@pytest.fixture(scope="module")
def idle() -> Iterator[Zoo]:
    with Zoo() as made:
        yield made


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((observe, "TIMEOUT_S"), (mpm, "TIMEOUT_S"), (news, "PATIENCE_S"), (targets, "PATIENCE_S")):
        monkeypatch.setattr(module, name, 1.0)


@pytest.mark.parametrize("kind", RUDE)
@pytest.mark.parametrize(
    "words",
    [["compare", "--mpm", "--apache"], *slow(["compare", "wsgi", "--nginx"], ["news", "wsgi", "--nginx"])],
    ids=" ".join,
)
def test_a_rude_server_ends_with_a_sentence(idle: Zoo, words: list[str], kind: str) -> None:
    with rude_server(kind) as url:
        began = time.monotonic()
        done = idle.inside(*words, url)
    assert done.exit_code == 1, done.output
    assert time.monotonic() - began < DEADLINE_S
    said = " ".join((done.output + done.stderr).split())
    assert ("our limit" in said) == (kind in LIMITED or (kind == "endless head" and "our limit" in said)), said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_front_that_breaks_our_limits_is_not_asked_for_all_of_its_cells(idle: Zoo) -> None:
    with rude_server("silent") as url:
        done = idle.inside("compare", "--nginx", url)
    assert done.exit_code == 1
    assert "nginx: 2 cells in a row broke a limit; its others were not asked" in " ".join(done.output.split())


@pytest.mark.parametrize("message", ['{"pong": 1}', '{"pong": 2, "at": 1}', "[]", "x" * 200_000, '{"at": "now"}'])
def test_a_websocket_without_news_ends(message: str) -> None:
    def talk(client: Any) -> None:
        while True:
            client.send(message)
            time.sleep(0.01)

    with serve(talk, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        with pytest.raises((news.NotHeardError, ValueError)):
            news._socket(f"http://127.0.0.1:{port}/")
        server.shutdown()


def test_two_clocks_are_no_figure() -> None:
    found = news._figures("SSE", [-0.5, -0.49, -0.48])
    assert found["ms"] is None
    assert "another clock" in found["why"]
    assert news._figures("polling", [0.1, 0.2, 0.3])["ms"] == 200
