"""The CGI meta-variables and their meanings (RFC 3875 4.1)."""

RFC3875 = {
    "AUTH_TYPE": ("4.1.1", "how the client proved its name"),
    "CONTENT_LENGTH": ("4.1.2", "bytes of the body, in decimal"),
    "CONTENT_TYPE": ("4.1.3", "media type of the body"),
    "GATEWAY_INTERFACE": ("4.1.4", "the dialect of CGI"),
    "PATH_INFO": ("4.1.5", "the rest of the path, for the program to interpret; decoded"),
    "PATH_TRANSLATED": ("4.1.6", "PATH_INFO as a file below the document root"),
    "QUERY_STRING": ("4.1.7", "what stands behind the ?; empty if nothing"),
    "REMOTE_ADDR": ("4.1.8", "address of the client"),
    "REMOTE_HOST": ("4.1.9", "name of the client"),
    "REMOTE_IDENT": ("4.1.10", "user at the client, by RFC 1413"),
    "REMOTE_USER": ("4.1.11", "the user that the web server has checked"),
    "REQUEST_METHOD": ("4.1.12", "what the client wants: GET, POST, …"),
    "SCRIPT_NAME": ("4.1.13", "the part of the path that names the program"),
    "SERVER_NAME": ("4.1.14", "the host that was asked"),
    "SERVER_PORT": ("4.1.15", "the port that was asked"),
    "SERVER_PROTOCOL": ("4.1.16", "what the client speaks"),
    "SERVER_SOFTWARE": ("4.1.17", "the web server"),
}
#: In no specification, but most servers send them.
CUSTOMARY = {
    "DOCUMENT_ROOT": "where the web server's files are",
    "DOCUMENT_URI": "nginx: the decoded path, without the query",
    "HTTPS": "on: the client came over TLS",
    "REMOTE_PORT": "port of the client",
    "REQUEST_SCHEME": "http or https",
    "REQUEST_URI": "the target as the client wrote it, not decoded",
    "SCGI": "always 1: this is SCGI",
    "SCRIPT_FILENAME": "the file to run, for programs that are told one",
    "SERVER_ADDR": "address that was asked",
}


def meaning(name: str) -> tuple[str, str]:
    """(meaning, section) of a variable; both empty for an unknown one."""
    if name in RFC3875:
        section, means = RFC3875[name]
        return means, f"RFC 3875 {section}"
    if name.startswith("HTTP_"):
        header = name[5:].replace("_", "-").title()
        return f"the client's header {header}, or one of the web server's own", "RFC 3875 4.1.18"
    return CUSTOMARY.get(name, ""), ""
