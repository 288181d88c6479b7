"""Delay from event to screen at 100 waiting clients on the ASGI exhibit: long poll, SSE, WebSocket. `make bench-news`

Conditions: a zoo of its own with `asgi` only; 100 clients of one way at a time, in one process, which is the "screen":
parsing each item counts. Behind nginx; behind Apache with the 32 that may wait there, for comparison. ITEMS items each,
the first not counted. Then once a real browser: the page /news/, four ways at once.

Exit 1 if a median at nginx is above the limit.
"""

import asyncio
import json
import statistics
import sys
import time

import websockets
from zoo_in_test import Zoo, eventually

LIMIT_MS = 50.0
CLIENTS = {"nginx": 100, "apache": 30}
ITEMS = 8


async def lines(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /asgi/news{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], head
    return reader, writer


async def long_poll(port: int) -> list[float]:
    delays: list[float] = []
    last = None
    while len(delays) < ITEMS:
        reader, writer = await lines(port, "/long" + (f"?since={last}" if last else ""))
        body = b""
        while not body.endswith(b"]\n\r\n"):  # the end of the list, and of its chunk
            body += await reader.readline()
        items = json.loads(b"".join(line for line in body.splitlines() if line.lstrip().startswith(b"[")))
        delays += [time.time() - item["at"] for item in items]
        last = items[-1]["n"]
        writer.close()
    return delays[1:]


async def events(port: int) -> list[float]:
    delays: list[float] = []
    reader, writer = await lines(port, "/events")
    while len(delays) < ITEMS:
        if (line := await reader.readline()).startswith(b"data:"):
            delays.append(time.time() - json.loads(line[5:])["at"])
    writer.close()
    return delays[1:]


async def web_socket(port: int) -> list[float]:
    delays: list[float] = []
    async with websockets.connect(f"ws://127.0.0.1:{port}/asgi/news/socket") as client:
        while len(delays) < ITEMS:
            item = json.loads(await client.recv())
            delays.append(time.time() - item["at"])
    return delays[1:]


WAYS = {"long poll": long_poll, "SSE": events, "WebSocket": web_socket}


async def measure(way: str, port: int, clients: int) -> list[float]:
    """Milliseconds, all items of all clients."""
    heard = await asyncio.gather(*(WAYS[way](port) for _ in range(clients)))
    return [delay * 1000 for delays in heard for delay in delays]


def in_the_browser(zoo: Zoo) -> None:
    from browser import chromium, close
    from test_news_browser import WAYS as PANELS
    from test_news_browser import heard, number, page_url

    with chromium() as browser:
        page = browser.new_page()
        page.goto(page_url(zoo, "nginx", "asgi"))
        page.get_by_role("button", name="Start all").click()
        for name in PANELS:
            heard(page, name, 10)
        told = ", ".join(f"{name} {number(page, name, 'median'):.1f} ms" for name in PANELS)
    close()
    print(f"in the browser, four ways at once, median of 9 items: {told}")


def nobody_waits(zoo: Zoo) -> bool:
    return bool(zoo.get("asgi", "nginx", "news/waiting").json()["waiting"] == 0)


def main() -> int:
    zoo, slow = Zoo(), []
    try:
        zoo.up("asgi")
        print(f"limit {LIMIT_MS:.0f} ms at the median (nginx)")
        for front, clients in CLIENTS.items():
            for way in WAYS:
                eventually(lambda: nobody_waits(zoo), 20, "all have left")
                delays = sorted(asyncio.run(measure(way, zoo.ports[front], clients)))
                median = statistics.median(delays)
                low, high = delays[len(delays) // 20], delays[-1 - len(delays) // 20]
                print(
                    f"{front:7} {clients:3} clients  {way:10} median {median:6.1f} ms = {median / LIMIT_MS:4.0%}"
                    f" of the limit   5%..95% {low:.1f}..{high:.1f}   max {delays[-1]:.1f}"
                )
                if front == "nginx" and median > LIMIT_MS:
                    slow.append(way)
        in_the_browser(zoo)
    finally:
        zoo.close()
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
