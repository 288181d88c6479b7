"""The headers of HTTP: name -> section, meaning."""

#: RFC 9110 (what HTTP means) if only a number stands here.
HEADERS = {
    "accept": ("12.5.1", "media types that the client takes, with weights"),
    "accept-encoding": ("12.5.3", "compressions that the client takes"),
    "accept-language": ("12.5.4", "languages that the reader likes"),
    "accept-ranges": ("14.3", "units in which parts may be asked for"),
    "age": ("RFC 9111 5.1", "seconds that it lay in a cache"),
    "allow": ("10.2.1", "methods that the target has"),
    "authorization": ("11.6.2", "the name of the client, with the proof"),
    "cache-control": ("RFC 9111 5.2", "orders for caches"),
    "connection": ("7.6.1", "options of this one connection; close: the last message on it"),
    "content-encoding": ("8.4", "how the content is compressed"),
    "content-language": ("8.5", "for readers of which language"),
    "content-length": ("8.6", "bytes of the body, in decimal"),
    "content-type": ("8.3", "media type of the body"),
    "cookie": ("RFC 6265 5.4", "what the server once set"),
    "date": ("6.6.1", "when the message was made"),
    "etag": ("8.8.3", "a name for this version of the content"),
    "expect": ("10.1.1", "100-continue: the client waits with the body"),
    "forwarded": ("RFC 7239 4", "the client of a proxy"),
    "host": ("7.2", "host and port of the target"),
    "if-modified-since": ("13.1.3", "answer only if changed since"),
    "if-none-match": ("13.1.2", "answer only if it is none of these versions"),
    "keep-alive": ("RFC 2068 19.7.1.1", "how long an idle connection stays; from before HTTP/1.1"),
    "last-modified": ("8.8.2", "when the content was changed"),
    "location": ("10.2.2", "where else to look"),
    "origin": ("RFC 6454 7", "the site whose page asks"),
    "proxy-authorization": ("11.7.2", "the name of the client, for the proxy"),
    "range": ("14.2", "the parts that are wanted"),
    "referer": ("10.1.3", "the page that led here"),
    "retry-after": ("10.2.3", "when to come again"),
    "sec-websocket-accept": ("RFC 6455 11.3.3", "proof that the server has read the key"),
    "sec-websocket-extensions": ("RFC 6455 11.3.2", "extensions offered, or taken"),
    "sec-websocket-key": ("RFC 6455 11.3.1", "sixteen random bytes, for the proof"),
    "sec-websocket-protocol": ("RFC 6455 11.3.4", "what shall be spoken inside"),
    "sec-websocket-version": ("RFC 6455 11.3.5", "13; in a refusal, all that the server takes"),
    "server": ("10.2.4", "the server's software"),
    "set-cookie": ("RFC 6265 4.1", "to be sent back from now on"),
    "te": ("10.1.4", "transfer codings that the client takes; trailers: those too"),
    "trailer": ("6.6.2", "names of headers that follow the body"),
    "transfer-encoding": ("RFC 9112 6.1", "chunked: the body says itself where it ends; stronger than Content-Length"),
    "upgrade": ("7.8", "another protocol for this connection"),
    "user-agent": ("10.1.5", "the client's software"),
    "vary": ("12.5.5", "request headers on which the answer depends"),
    "via": ("7.6.3", "proxies on the way"),
    "www-authenticate": ("11.6.1", "how the client may prove its name"),
}
#: In no standard, but sent by nearly every proxy.
CUSTOMARY = {
    "x-forwarded-for": "the client's address, as the proxy saw it",
    "x-forwarded-host": "the host that the client asked",
    "x-forwarded-proto": "http or https: how the client came",
    "x-request-id": "a name for this request, for the logs",
    "x-real-ip": "the client's address, as the proxy saw it",
}


def meaning(name: str) -> tuple[str, str]:
    """Return meaning and section of a header; both empty for a header of no specification."""
    name = name.lower()
    if name in HEADERS:
        section, means = HEADERS[name]
        return means, section if section.startswith("RFC") else f"RFC 9110 {section}"
    return CUSTOMARY.get(name, ""), ""
