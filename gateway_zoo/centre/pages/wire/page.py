"""The wire: start and end a recording, see its bytes as they come, open older recordings, take one as pcap.

What is shown of a recording, and its addresses, are those of `zoo record --page` (wire/page).
"""

import asyncio
import io
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway_zoo.centre.context import Context
from gateway_zoo.centre.page import Page
from gateway_zoo.centre.recorder import Recordings
from gateway_zoo.wire.page import application
from gateway_zoo.wire.page.shown import TICK_S, Mark, Shown
from gateway_zoo.wire.recorder import pcap
from gateway_zoo.wire.recording import BadRecording, read


def data(context: Context, _: Mapping[str, str]) -> Recordings:
    return context.recorder.state()


def start(context: Context, _: Mapping[str, Any]) -> Recordings:
    """Begin a recording. Raises Refused."""
    context.recorder.start()
    return context.recorder.state()


def end(context: Context, _: Mapping[str, Any]) -> Recordings:
    """End the recording. Raises Refused."""
    context.recorder.end()
    return context.recorder.state()


def text(wire: Recordings) -> str:
    """What is recorded, and the addresses of the recordings' data."""
    lines = [f"{front} is recorded on {url}/" for front, url in wire.fronts.items()]
    lines = lines or [f"Nothing is recorded now{f': {wire.why}' if wire.why else ''}."]
    for each in wire.recordings:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(each.made))
        lines.append(f"{each.name:14} {made} {each.bytes:>12,} bytes   /api/wire/{each.name}/exchanges")
    return "\n".join(lines) + "\n"


class Gallery:
    """The recordings that are looked at, each read while it has viewers."""

    def __init__(self, context: Context) -> None:
        self.context, self.recorder = context, context.recorder
        self.all: dict[str, Shown] = {}
        self.viewers: Counter[Shown] = Counter()
        self.watching: dict[Shown, asyncio.Task[None]] = {}

    async def of(self, request: Request) -> Shown:
        """The exchanges of the recording that a request names. Raises HTTPException."""
        name = request.path_params["recording"]
        if (path := self.recorder.path(name)) is None:
            raise HTTPException(404, f"there is no recording {name[:80]!a}; /wire lists them")
        for other in [other for other in self.all if self.recorder.path(other) is None]:
            del self.all[other]
        shown = self.all.setdefault(name, Shown(path, self.recorder.codecs))
        while not self.viewers[shown] and self._look(shown):
            await asyncio.sleep(0)
        if shown.over:
            raise HTTPException(404, f"{name} has passwords and cookies in it, which are not shown here")
        return shown

    async def stream(self, shown: Shown, mark: Mark) -> AsyncIterator[bytes]:
        """News for a viewer."""
        self.viewers[shown] += 1
        if self.viewers[shown] == 1:
            self.watching[shown] = asyncio.create_task(self._watch(shown))
        try:
            async for piece in shown.stream(mark):
                yield piece
        finally:
            self.viewers[shown] -= 1
            if not self.viewers[shown]:
                self.watching.pop(shown).cancel()

    async def _watch(self, shown: Shown) -> None:
        while not self.context.ending.is_set() and not shown.over:
            await asyncio.sleep(0 if self._look(shown) else TICK_S)
        shown.finish()

    def _look(self, shown: Shown) -> bool:
        """Read what is new. True: there is more. `zoo record --secrets` may have replaced the file: then it is over."""
        more = shown.look()
        if shown.head and shown.head.secrets:
            shown.finish()
            self.all.pop(shown.follow.path.stem, None)
        return more and not shown.over

    async def pcap(self, request: Request) -> Response:
        """The recording that a request names, for Wireshark."""
        name = (await self.of(request)).follow.path.stem
        headers = {"Content-Disposition": f'attachment; filename="{name}.pcap"'}
        return Response(
            await asyncio.to_thread(self._pcap, name), media_type="application/vnd.tcpdump.pcap", headers=headers
        )

    def _pcap(self, name: str) -> bytes:
        exported = io.BytesIO()
        path = self.recorder.path(name)
        with suppress(OSError, BadRecording):  # what was read till then is a whole pcap
            if path:
                with path.open("rb") as lines:
                    pcap.export(read(lines, name), exported, self.recorder.codecs)
        return exported.getvalue()


def routes(context: Context) -> list[Route]:
    gallery, base = Gallery(context), "/api/wire/{recording}"
    return [*application.data_routes(base, gallery.of, gallery.stream), Route(f"{base}/pcap", gallery.pcap)]


PAGE = Page(
    "/wire",
    "Wire",
    data,
    text,
    order=4,
    actions={"start": start, "end": end},
    parts={"wire": application.HERE / "wire.html"},
    routes=routes,
)
