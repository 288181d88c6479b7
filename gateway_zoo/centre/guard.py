"""Which requests the centre answers: its own pages', programs' on this machine, and a link to a page.

| request | answered |
|---|---|
| a name of ours in Host, same origin or typed | all |
| a link from elsewhere: GET, Sec-Fetch-Mode navigate, Sec-Fetch-Dest document | a page; not /api, no stream |
| from a page of another origin, or with a Host that is no name of ours | refused, 403 |
| POST without this start's token, or not of JSON | refused, 403 or 415 |

What trips people up: a link on a slide or on port 8080 is cross-site or same-site. The other site cannot read the page:
a browser shows it as a document of its own, in no frame (frame-ancestors).
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway_zoo.serving import same_origin
from gateway_zoo.serving.page_headers import HEADERS

TOKEN = "x-zoo-token"  # noqa: S105 - the name of a header


class Guard:
    """Refuses what the table above refuses. `hosts`: the names of this program in Host. Adds HEADERS."""

    def __init__(self, app: ASGIApp, hosts: set[str], token: str) -> None:
        self.app, self.hosts, self.token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # a WebSocket: there is none, and uvicorn answers 403

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await (self._refusal(scope) or self.app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, path = Headers(scope=scope), scope["path"]
        if (why := same_origin.refusal(scope, self.hosts.__contains__)) and not self._is_link(scope, headers):
            return PlainTextResponse(f"a page of another origin may not ask the visitor centre: {why}\n", 403)
        if scope["method"] in ("GET", "HEAD"):
            return None
        if scope["method"] != "POST" or not path.startswith("/api/"):
            return PlainTextResponse("405 Method Not Allowed\n", 405, {"Allow": "GET, HEAD"})
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return PlainTextResponse("expected Content-Type: application/json\n", 415)
        if headers.getlist(TOKEN) != [self.token]:
            return PlainTextResponse("expected the token of this start; load the page again\n", 403)
        return None

    def _is_link(self, scope: Scope, headers: Headers) -> bool:
        """Tell a link to a page: another site may lead here, and cannot read the answer. But for its one Sec-Fetch-Site
        it is as good as a page of ours: it has our Host, and no Origin."""
        navigates = [headers.getlist(f"sec-fetch-{name}") for name in ("mode", "dest")] == [["navigate"], ["document"]]
        others = [pair for pair in scope["headers"] if pair[0] != b"sec-fetch-site"]
        alone = len(headers.getlist("sec-fetch-site")) == 1
        page = scope["method"] == "GET" and not scope["path"].startswith("/api/")
        return (
            page
            and navigates
            and alone
            and not same_origin.refusal({**scope, "headers": others}, self.hosts.__contains__)
        )
