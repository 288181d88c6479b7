"""What the sticker board refuses, through both fronts: bad messages, strange origins, floods, who does not read."""

import asyncio
import contextlib
import json
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from board_in_test import WAYS, an_empty_board, board_zoo, by_hand, connect, guest, the_board, url  # noqa: F401 - fixtures
from raw_http import ask, request
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from zoo_in_test import FRONTS, Zoo, eventually

from gateway_zoo.measure import probe

#: What the board promises: messages.py, store.py, visitor.py, board_app.py.
TEXT, STICKERS, MESSAGE_BYTES, VISITORS, VISITORS_OF_APACHE, RATE, BURST, OUTBOX = 280, 500, 4096, 500, 48, 20, 60, 1000


BAD = {
    "{": "Invalid JSON",
    "": "Invalid JSON",
    "[" * 3000: "Invalid JSON",
    "[]": "should be an object",
    "{}": "'do'",
    '{"do":"fly"}': "'add', 'move', 'edit', 'remove'",
    '{"do":"add"}': "add.text: Field required",
    '{"do":"add","text":7}': "add.text: Input should be a valid string",
    '{"do":"add","text":"  "}': "add.text: is empty",
    '{"do":"add","text":"\\u001b[31m"}': "control character U+001B",
    '{"do":"add","text":"a\\u0000b"}': "control character U+0000",
    '{"do":"add","text":"\\ud83d"}': "Invalid JSON",
    json.dumps({"do": "add", "text": "x" * (TEXT + 1)}): f"at most {TEXT} characters",
    '{"do":"add","text":"x","html":"x"}': "add.html: Extra inputs are not permitted",
    '{"do":"add","text":"x","colour":"url(x)"}': "'yellow', 'green', 'blue' or 'pink'",
    '{"do":"add","text":"x","x":1.01,"y":0}': "add.x: Input should be less than or equal to 1",
    '{"do":"add","text":"x","x":0,"y":-1e-9}': "add.y: Input should be greater than or equal to 0",
    '{"do":"add","text":"x","x":NaN,"y":0}': "add.x: Input should be",
    '{"do":"add","text":"x","x":1e999,"y":0}': "add.x: Input should be",
    '{"do":"add","text":"x","x":"0","y":0}': "add.x: Input should be a valid number",
    '{"do":"move","id":1}': "move.x: Field required",
    '{"do":"move","id":true,"x":0,"y":0}': "move.id: Input should be a valid integer",
    '{"do":"move","id":99999999999999999999,"x":0,"y":0}': "move.id: Input should be less than",
    '{"do":"move","id":123456789,"x":0,"y":0}': "there is no sticker 123456789 any more",
    '{"do":"edit","id":123456789,"text":"x","colour":"pink"}': "there is no sticker 123456789 any more",
    '{"do":"remove","id":123456789}': "there is no sticker 123456789 any more",
    '{"do":"remove","id":0}': "remove.id: Input should be greater than or equal to 1",
}


@pytest.mark.parametrize("front", FRONTS)
def test_a_bad_message_is_answered_and_changes_nothing(zoo: Zoo, front: str) -> None:
    with guest(zoo, front) as one, guest(zoo, front) as other:
        for message, why in BAD.items():
            one.connection.send(message)
            assert why in one.hear("refused")["why"], message
        longest = "\U0001f600" * TEXT  # written as \ud83d\ude00, the longest message there is
        one.say(do="add", text=longest)
        assert other.hear("add")["sticker"]["text"] == longest, "the connection is as good as before"
    assert len(the_board(zoo)) == 1


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_bad_frames_end_their_connection_only(zoo: Zoo, way: tuple[str, str]) -> None:
    with guest(zoo, *way) as bystander:
        with guest(zoo, *way) as one:
            one.connection.send(b'{"do":"add","text":"x"}')
            assert one.closing() == (1003, "text frames only")
        with guest(zoo, *way) as one:
            one.connection.send("x" * (MESSAGE_BYTES + 1))
            assert one.closing()[0] == 1009
        with guest(zoo, *way) as one:
            one.connection.send(["x" * MESSAGE_BYTES, "x"])  # two fragments of one message
            assert one.closing()[0] == 1009
        with guest(zoo, *way) as one:
            with contextlib.suppress(ConnectionClosed):  # while it is being sent
                one.connection.send("x" * 2**20)
            with pytest.raises(ConnectionClosed):  # with 1009, unless nginx loses it: see serve_board.py
                one.hear("nothing")
        with guest(zoo, *way) as one:
            one.connection.send(b"\xff\xfe", text=True)
            assert one.closing()[0] == 1007
        bystander.say(do="add", text="goes on")
        assert bystander.hear("add")["sticker"]["text"] == "goes on"


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_only_pages_of_the_same_origin_may_open_it(zoo: Zoo, way: tuple[str, str]) -> None:
    address = url(zoo, *way)
    mine = address.replace("ws", "http", 1).removesuffix("/asgi-board/live")
    with guest(zoo, *way, origin=mine) as one:
        assert one.board["stickers"] == []
    swapped = mine.replace("https:", "http:") if way[1] == "wss" else mine.replace("http:", "https:")
    for origin in ("http://evil.example", "null", swapped, f"{mine}.evil.example", mine.rpartition(":")[0]):
        with pytest.raises(InvalidStatus) as caught, connect(zoo, *way, origin=origin):
            pass
        response = caught.value.response
        assert (response.status_code, b"another origin" in (response.body or b"")) == (403, True), origin


@pytest.mark.parametrize("front", FRONTS)
def test_a_name_that_somebody_points_at_us_opens_nothing(zoo: Zoo, front: str) -> None:
    """DNS rebinding: the page's origin and Host agree, and yet it is not ours."""
    theirs = {"Host": "evil.example", "Origin": "http://evil.example"}
    for method, path, body in (("GET", "board", None), ("POST", "stickers", {"text": "x"})):
        answer = requests.request(method, zoo.url("asgi-board", front, path), headers=theirs, json=body, timeout=20)
        assert (answer.status_code, "another origin" in answer.json()["why"]) == (403, True), (method, answer.text)
    by_name = requests.get(zoo.url("asgi-board", front, "board"), headers={"Host": "evil.example"}, timeout=20)
    assert by_name.status_code == 403, "reading sends no Origin"
    wanted = probe.handshake("http://evil.example/") | {"Host": "evil.example"}
    assert probe.ask(zoo.url("asgi-board", front, "live"), headers=wanted).status == 403
    for host in ("localhost:8080", "127.0.0.1", "[::1]:8080", "board.localhost", "nginx:8080"):
        answer = requests.get(zoo.url("asgi-board", front, "board"), headers={"Host": host}, timeout=20)
        assert answer.status_code == 200, host


@pytest.mark.parametrize("front", FRONTS)
def test_what_post_refuses(zoo: Zoo, front: str) -> None:
    def post(body: bytes, *headers: str) -> tuple[int, str | None]:
        lines = (f"Content-Length: {len(body)}", *headers)
        answer = ask(zoo.ports[front], request("/asgi-board/stickers", *lines, method="POST", body=body))
        return answer.status, answer.json().get("why")

    good, json_ = b'{"text":"x"}', "Content-Type: application/json"
    assert post(good, json_, "Origin: http://evil.example")[0] == 403
    assert post(good, json_, "Sec-Fetch-Site: cross-site")[0] == 403
    assert post(good, json_, "Sec-Fetch-Site: same-site")[0] == 403
    assert post(good, "Content-Type: text/plain")[0] == 415, "which a form of another site could send"
    assert post(good)[0] == 415
    assert post(b'{"text":"' + b"x" * MESSAGE_BYTES + b'"}', json_) == (413, f"more than {MESSAGE_BYTES} bytes")
    assert post(b'{"text"', json_)[0] == 422
    assert post(b"[" * 4000, json_)[0] in (400, 422)
    assert post(b'"x"', json_)[0] == 422
    assert post(b'{"text":"x","x":NaN}', json_)[0] == 422
    assert post(b'{"text":"\\ud83d"}', json_)[0] == 422
    assert post(b'{"text":"x","id":1}', json_) == (422, "id: Extra inputs are not permitted")
    assert post(b'{"text":"\\u0007"}', json_) == (422, "text: control character U+0007; only line feeds are allowed")
    wrong = requests.put(zoo.url("asgi-board", front, "stickers"), timeout=20)
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST")
    assert the_board(zoo) == []
    assert post(good, json_, "Origin: http://zoo.test", "Sec-Fetch-Site: same-origin")[0] == 201


ADD = "INSERT INTO sticker (text, colour, x, y, version) VALUES (?, ?, 0.5, 0.5, 0)"


def test_a_full_board_says_so(zoo: Zoo) -> None:
    with guest(zoo, "nginx") as one:
        by_hand(zoo, ADD, *((f"{n}", "blue") for n in range(STICKERS - 1)))
        eventually(lambda: len(one.hear("board")["stickers"]) == STICKERS - 1, 10, "it hears of the others' stickers")
        one.say(do="add", text="the last one")
        assert one.hear("add")
        one.say(do="add", text="one too many")
        assert one.hear("refused")["why"] == f"the board is full ({STICKERS} stickers): remove one first"
        answer = requests.post(zoo.url("asgi-board", "apache", "stickers"), json={"text": "x"}, timeout=20)
        assert (answer.status_code, answer.json()["why"][:17]) == (409, "the board is full")
        one.say(do="remove", id=the_board(zoo)[0]["id"])
        one.say(do="add", text="now there is room")
        assert one.hear("add")["sticker"]["text"] == "now there is room"


@pytest.mark.slow
def test_a_flood_is_slowed_and_hurts_nobody(zoo: Zoo) -> None:
    flood = BURST + 40
    with guest(zoo, "nginx") as one, guest(zoo, "apache") as other:
        began = time.monotonic()
        one.connection.send_all(json.dumps({"do": "add", "text": f"{n}"}) for n in range(flood))
        other.say(do="add", text="of somebody else")
        mine = other.welcome["you"]
        eventually(lambda: other.hear("add")["by"] == mine, 5, "the other is served meanwhile")
        done = refused = 0
        while done + refused < flood:  # each message has its answer
            event = json.loads(one.connection.recv(20))
            done += event.get("by") == one.welcome["you"]
            refused += event["event"] == "refused" and "too fast" in event["why"]
        assert BURST <= done <= BURST + RATE * (time.monotonic() - began) + 1
        assert refused > 0
        time.sleep(2 / RATE)
        one.say(do="add", text="slowly")
        assert one.hear("add")["sticker"]["text"] == "slowly", "it may go on"
    address = zoo.url("asgi-board", "nginx", "stickers")
    posts: set[int] = set()

    def refused_too() -> bool:
        posts.update(client.post(address, json={"text": "x"}, timeout=30).status_code for _ in range(BURST))
        return posts == {201, 429}

    with requests.Session() as client:
        eventually(refused_too, 30, "some are taken, some are not")


@pytest.mark.slow
def test_more_visitors_than_there_are_places(zoo: Zoo) -> None:
    """Apache gives each a thread, so it gets few of them; nginx may take all the rest."""

    async def refused(front: str) -> None:
        with pytest.raises(InvalidStatus) as caught:
            await connect_async(url(zoo, front))
        assert caught.value.response.status_code == 503
        assert b"too many visitors" in (caught.value.response.body or b"")

    async def crowd() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(VISITORS_OF_APACHE):
                await stack.enter_async_context(connect_async(url(zoo, "apache")))
            await refused("apache")
            for _ in range(VISITORS - VISITORS_OF_APACHE):
                last = await stack.enter_async_context(connect_async(url(zoo, "nginx")))
            await refused("nginx")
            await refused("apache")
            for front in FRONTS:
                assert (await asyncio.to_thread(zoo.get, "asgi-board", front)).text == "pong\n"
            await last.send(json.dumps({"do": "add", "text": "to all five hundred"}))
            async with asyncio.timeout(20):
                while "to all five hundred" not in str(await last.recv()):
                    pass

    asyncio.run(crowd())
    with guest(zoo, "nginx") as one:
        eventually(lambda: one.hear("visitors")["visitors"] == 1, 10, "the places are free again")


def deaf(zoo: Zoo, front: str) -> socket.socket:
    """A visitor who never reads, with as little room for unread bytes as the system allows."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.connect(("127.0.0.1", zoo.ports[front]))
    connection.sendall(handshake())
    return connection


def handshake() -> bytes:
    lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    return request("/asgi-board/live", *lines, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


@pytest.mark.slow
@pytest.mark.parametrize("movers", [0, 20], ids=["on a quiet board", "on a busy board"])
def test_who_does_not_read_is_sent_away(zoo: Zoo, movers: int) -> None:
    """The whole board, 600 kB, until no buffer on the way takes more. Then one message that waits, or very many."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(deaf(zoo, front)) for front in FRONTS]
        one = stack.enter_context(guest(zoo, "nginx"))
        eventually(lambda: one.hear("visitors")["visitors"] == 1 + len(sockets), 5, "all are there")
        by_hand(zoo, ADD, *[("\U0001f600" * TEXT, "pink")] * STICKERS)
        eventually(lambda: len(one.hear("board")["stickers"]) == STICKERS, 10, "the board is full")
        for n in range(7):
            by_hand(zoo, "UPDATE sticker SET x = ?", (n / 10,))
            assert len(one.hear("board")["stickers"]) == STICKERS
        first = the_board(zoo)[0]["id"]
        for _ in range(movers):
            mover = stack.enter_context(guest(zoo, "nginx"))
            for n in range(BURST - 1):
                mover.say(do="move", id=first, x=n / BURST, y=0)
        assert not movers or movers * (BURST - 1) > OUTBOX
        eventually(lambda: one.hear("visitors", 30)["visitors"] == 1 + movers, 40, "they are visitors no longer")
        one.say(do="remove", id=first)
        assert one.hear("remove")["sticker"]["id"] == first
        # Who reads at last is told why, if the front has kept the connection: nginx does for 10 s, Apache for 60.
        # The end comes 10 s behind the close frame, which nobody answers.
        sockets[FRONTS.index("apache")].settimeout(30)
        last = b"".join(iter(lambda: sockets[FRONTS.index("apache")].recv(2**20), b""))[-200:]
        assert struct.pack("!H", 1013) in last
        assert (f"{OUTBOX} messages wait" if movers else "a message waited for 10 s").encode() in last


@pytest.mark.slow
def test_pings_keep_a_silent_connection_alive(zoo: Zoo) -> None:
    """Both fronts end a connection after 60 s of silence. A ping comes each 20 s; who answers it is still there."""

    def pinged(front: str) -> float:
        with socket.create_connection(("127.0.0.1", zoo.ports[front]), timeout=30) as connection:
            connection.sendall(handshake())
            began, data = time.monotonic(), b""
            while b"\x89\x04" not in data:  # FIN and opcode 9, no mask, four bytes (RFC 6455, section 5.2)
                data += connection.recv(65536)
            return time.monotonic() - began

    with ThreadPoolExecutor(2) as pool:
        assert all(15 < seconds < 25 for seconds in pool.map(pinged, FRONTS))


def test_a_frame_that_is_none_ends_its_connection(zoo: Zoo) -> None:
    for front in FRONTS:
        with socket.create_connection(("127.0.0.1", zoo.ports[front]), timeout=10) as connection:
            connection.sendall(handshake() + struct.pack("!BB", 0x81, 5) + b"hello")  # a client must mask
            assert b"\x03\xea" in b"".join(iter(lambda: connection.recv(65536), b"")), "1002, protocol error"
        assert zoo.get("asgi-board", front).text == "pong\n"
