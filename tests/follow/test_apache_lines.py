"""The Reader for Apache, on the checkout's files and on small ones. test_apache_wire.py compares it with real bytes."""

from pathlib import Path

import pytest
from apache_in_test import planned
from zoo_in_test import REGISTRY, ROOT

from gateway_zoo.errors import Stop
from gateway_zoo.follow.apache_lines import Reader
from gateway_zoo.follow.lines import Line, Request
from gateway_zoo.keeper import fronts
from gateway_zoo.settings import read_settings

HOST = ("Host", "localhost")
BEHIND_APACHE = [e.id for e in REGISTRY.exhibits.values() if "apache" in e.fronts]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """The checkout's files with a generated local.conf; all exhibits are open."""
    run = tmp_path_factory.mktemp("run")
    plan = planned(run)
    fronts.write("apache", plan)
    return Reader(plan.settings)


def small(tmp_path: Path, text: str, local: str = "") -> Reader:
    """A Reader of a small httpd.conf."""
    for name, content in (("apache/httpd.conf", text), ("run/apache/local.conf", local)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return Reader(read_settings({"ZOO_ROOT": str(tmp_path), "ZOO_RUN": str(tmp_path / "run")}))


def texts(lines: list[Line]) -> list[str]:
    return [" ".join(line.text.split()) for line in lines]


def in_order(wanted: list[str], lines: list[Line]) -> bool:
    """Does a line begin with each of the wanted texts, in this order?"""
    rest = iter(texts(lines))
    return all(any(text.startswith(each) for text in rest) for each in wanted)


def test_every_quoted_line_is_in_its_file(reader: Reader) -> None:
    quoted: set[Line] = set()
    for id in BEHIND_APACHE:
        for path in (f"/{id}/hello", f"/{id}/status"):
            request = Request("GET", path, (HOST, ("X-Zoo-Front", "x"), ("Upgrade", "websocket")), tls=True)
            origins = reader.origins(id, "FastCGI", request, ["HTTP_X_ZOO_FRONT", "SCRIPT_NAME", "ZOO_EXHIBIT"])
            quoted |= {line for each in origins for line in (each.line, *each.shaped_by) if line}
            quoted |= {*reader.applied(id, request), *reader.silent(id, "FastCGI", request, [])}
            quoted |= set(reader.answer_lines(id, request).values())
    assert {line.file for line in quoted} > {"apache/httpd.conf", "apache/cages/wsgi.conf", "apache/cages/php.conf"}
    assert "$ZOO_RUN/apache/local.conf" in {line.file for line in quoted}
    for line in quoted:
        if line.file.startswith("apache"):
            written = (ROOT / line.file).read_text(encoding="utf-8").splitlines()
            assert written[line.number - 1].strip() == line.text.splitlines()[0], line


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        (
            Request("POST", "/fastcgi/hello", (HOST, ("X-Zoo-Front", "evil"), ("Content-Length", "3"))),
            [
                "Use Strip3 X Zoo Front",
                "RequestHeader unset $a-$b-$c early",
                "RequestHeader set X-Zoo-Front ${ZOO_FRONT} early",
                'SetEnvIf Request_URI "^/([a-z0-9_-]+)(/|$)" ZOO_EXHIBIT=$1',
                'SetEnvIf Request_URI "^/fastcgi(-[a-z]+)?/" proxy-fcgi-pathinfo=unescape',
                'ProxyPass "/fastcgi/" "unix:fastcgi.sock|fcgi://fastcgi/"',
                "Require all granted",
                'RequestHeader set X-Forwarded-For "expr=%{REMOTE_ADDR}"',
                "SetInputFilter BUFFER",
                "Header always unset X-Powered-By",
            ],
        ),
        (
            Request("GET", "/cgi/status", (HOST,)),
            ['ScriptAlias "/cgi"', "Use Guarded", "Require ip ${ZOO_NEAR}", "PassEnv PATH", "SetEnv ZOO_FAMILY cgi"],
        ),
        (Request("GET", "/cgi/status", (("Host", "evil.example"),)), ["Require env ZOO_OURS", "ErrorDocument 403"]),
        (
            Request("GET", "/asgi/news/socket", (HOST, ("Expect", "100-continue"), ("Range", "bytes=0-"))),
            ['ProxyPass "/asgi/news/socket"', "Proxy100Continue Off", "ProxyPreserveHost On"],
        ),
        (
            Request("GET", "/wsgi/hello", (HOST, ("Content-Length", "1048577"))),
            ["RewriteCond expr", 'RewriteRule "^" - [R=413]', "Header always set X-Request-ID"],
        ),
        (
            Request("GET", "/php-fcgid/hello", (HOST,)),
            ['Alias "/php-fcgid"', "FcgidCmdOptions /usr/bin/php-cgi", "SetHandler fcgid-script"],
        ),
        (Request("GET", "/fcgid/hello", (HOST,)), ['Alias "/fcgid"', "FcgidInitialEnv PATH", "FcgidWrapper"]),
        (Request("GET", "/mod_wsgi/hello", (HOST,)), ['WSGIScriptAlias "/mod_wsgi"', "WSGIDaemonProcess mod_wsgi"]),
        (Request("GET", "/nowhere", (HOST,)), ["ErrorDocument 404", "Alias /-pages/", "Header always set"]),
        (
            Request("GET", "/", (HOST, ("Accept", "text/html"))),
            ['RewriteRule "^/$" "/-pages/index_here.html"', "Alias /-pages/", "Header set Vary Accept", "Header set C"],
        ),
        (
            Request("POST", "/news/", (HOST,)),
            [
                "Use Pages /news/ news/public",
                'Alias "$url"',
                "AllowMethods",
                "ErrorDocument 405",
                "Header always set A",
            ],
        ),
        (
            Request("GET", "/scgi/hello", (HOST,), tls=True),
            ["RequestHeader set X-Forwarded-Proto http ", "RequestHeader set X-Forwarded-Proto https", "SSLOptions"],
        ),
    ],
    ids=lambda value: f"{value.method} {value.path}" if isinstance(value, Request) else "",
)
def test_the_lines_that_applied_are_in_apaches_order(reader: Reader, request_: Request, wanted: list[str]) -> None:
    lines = reader.applied(request_.path.split("/")[1], request_)
    assert in_order(wanted, lines), texts(lines)


def test_lines_of_other_paths_hosts_and_headers_did_not_apply(reader: Reader) -> None:
    lines = texts(reader.applied("wsgi", Request("GET", "/wsgi/hello", (HOST,))))
    for text in ('ProxyPass "/wsgi-sync/"', "RequestHeader unset", "SSLOptions", "Require ip", "FcgidInitialEnv"):
        assert [line for line in lines if line.startswith(text)] == [], text
    assert "RequestHeader set X-Forwarded-Proto https early" not in lines


def test_removed_headers_are_silent_and_say_what_they_did(reader: Reader) -> None:
    request = Request("GET", "/wsgi/hello", (HOST, ("X-Forwarded-Host", "evil")), tls=True)
    silent = reader.silent("wsgi", "HTTP", request, ["Host", "X-Zoo-Front", "X-Forwarded-Proto"])
    applied = reader.applied("wsgi", request)
    named = {text: line in applied for line, text in zip(silent, texts(silent), strict=True)}
    assert named["Use Strip3 X Forwarded Host"]  # it removed the client's
    assert not named["Use Strip3 X Real IP"]
    assert not named["RequestHeader unset Proxy early"]
    assert named["RequestHeader set X-Forwarded-Proto http early"]  # the line for TLS came later
    assert "RequestHeader set X-Forwarded-Proto https early" not in named


def test_what_other_lines_shape_is_named(reader: Reader) -> None:
    request = Request("GET", "/php-fpm/hello", (HOST, ("Connection", "close, X-Zoo-Front")))
    names = ["SCRIPT_FILENAME", "PATH_INFO", "HTTP_X_ZOO_FRONT", "HTTP_CONNECTION", "ZOO_MISSING"]
    file, path, front, connection, missing = reader.origins("php-fpm", "FastCGI", request, names)
    assert file.line
    assert file.line.text.startswith("ProxyFCGISetEnvIf")
    assert "The file to run" in file.line.comment
    assert [line.file for line in file.shaped_by] == ["$ZOO_RUN/apache/local.conf"]
    assert in_order(["SetEnvIf Request_URI"], list(path.shaped_by))
    assert texts(list(front.shaped_by)) == ["Define ZOO_FRONT apache"]
    assert (connection.kind, connection.header) == ("client", "Connection")
    assert in_order(["RequestHeader edit Connection"], list(connection.shaped_by))
    assert missing.kind == "line"


def test_the_host_is_the_lines_or_the_clients(reader: Reader) -> None:
    sent = (HOST, ("Upgrade", "websocket"), ("Connection", "Upgrade"))
    plain, kept = (
        reader.origins("asgi", "HTTP", Request("GET", path, sent), ["Host", "Upgrade"])
        for path in ("/asgi/hello", "/asgi/news/socket")
    )
    assert plain[0].kind == "line"
    assert (kept[0].kind, texts(list(kept[0].shaped_by))) == ("client", ["ProxyPreserveHost On"])
    assert "upgrade=websocket" in kept[1].shaped_by[0].text
    assert reader.answer_lines("pages", Request("GET", "/pages/ssr"))["location"].text.startswith("ProxyPassReverse")


def test_the_forms_of_a_small_configuration(tmp_path: Path) -> None:
    text = r"""
Include ${ZOO_RUN}/${ZOO_FAMILY}/local.conf
# Two lines
# of comment.
LoadModule \
    fast_module "a b.so"
<Macro Give $name $value>
    # Inside.
    RequestHeader set $name "\"$value\" ${WORD}" env=WANTED
</Macro>
<IfModule !fast_module>
    <Location />
        Use Nothing
    </Location>
</IfModule>
<IfDefine WORD>
    Use Give X-Word hello
</IfDefine>
SetEnvIf User-Agent ^curl WANTED LATER=no
SetEnvIf WANTED 1 !LATER
ProxyPass / scgi://127.0.0.1:1/
<If "%{HTTP:X-Own} =~ /^(no|1)$/">
    RequestHeader append X-Own more
</If>
"""
    reader = small(tmp_path, text, "Define WORD world\n")
    request = Request("GET", "/x", (("User-Agent", "curl/8"), ("X-Own", "1")))
    word, own, later = reader.origins("x", "SCGI", request, ["HTTP_X_WORD", "HTTP_X_OWN", "LATER"])
    written = r'RequestHeader set $name "\"$value\" ${WORD}" env=WANTED'
    assert word.line == Line("apache/httpd.conf", 9, written, "Inside.")
    assert texts(list(word.shaped_by)) == ["Use Give X-Word hello", "Define WORD world"]
    assert (own.kind, texts(list(own.shaped_by))) == ("client", ["RequestHeader append X-Own more"])
    assert later.kind == "server"
    assert texts(reader.silent("x", "SCGI", Request("GET", "/x"), [])) == ["Use Give X-Word hello"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("A 1\nInclude none.conf\n", "none.conf: No such file"),
        ("A 1\n<Location />\nB 2\n", "apache/httpd.conf line 2: <Location />: the section has no end"),
        ("A 1\n</Location>\n", "apache/httpd.conf line 2: </Location>: it ends a section that is not open"),
        ("Use Strip2 X\n", "apache/httpd.conf line 1: Use Strip2 X: no macro Strip2 with 1 parameters"),
        ("<Macro A $x>\n</Macro>\nUse A\n", "apache/httpd.conf line 3: Use A: no macro A with 0 parameters"),
        ("ProxyPass /\n", "apache/httpd.conf line 1: ProxyPass /: this form is not known here"),
        ("SetEnvIf A ( B\n", "apache/httpd.conf line 1: SetEnvIf A ( B: this pattern is not known here: missing )"),
        ("<IfDefine NO>\n", "apache/httpd.conf line 1: <IfDefine NO>: the section has no end"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(Stop) as stop:
        small(tmp_path, text)
    assert stop.value.status == 3
    assert problem in stop.value.text
