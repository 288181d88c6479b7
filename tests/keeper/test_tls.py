"""https on both fronts, with the zoo's own authority; what the gateways are told of it; HTTP/2 ends at nginx."""

import os
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests
from raw_http import everywhere
from zoo_in_test import FRONTS, ROOT, TLS, Zoo

from gateway_zoo.keeper import tls
from gateway_zoo.registry import cages
from gateway_zoo.settings import read_settings

REGISTRY = cages.load(ROOT)
#: Protocols with a place for variables: they carry HTTPS itself. HTTP carries X-Forwarded-Proto, which servers turn
#: into wsgi.url_scheme; mod_wsgi gives the scheme only.
WITH_VARIABLES = {"CGI", "FastCGI", "SCGI", "uwsgi", "AJP"}


def _carries_variables(id: str) -> bool:
    """Not through gunicorn, whose uwsgi side keeps the scheme only, nor through ASGI, whose scope lacks it."""
    server, interface = REGISTRY.family_of(id).server, REGISTRY.interface_of(id)
    return REGISTRY.protocol_of(id) in WITH_VARIABLES and "ASGI" not in interface and "gunicorn" not in server


def authority(zoo: Zoo) -> str:
    return str(zoo.run / "sock/tls/ca.pem")


def https(zoo: Zoo, front: str, path: str, **options: Any) -> requests.Response:
    return requests.get(
        f"https://localhost:{zoo.ports[front] + TLS}{path}", verify=authority(zoo), timeout=20, **options
    )


def test_every_open_cell_is_told_that_the_visitor_came_over_tls(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> None:
        facts = https(zoo, front, f"/{exhibit}/status?json").json()
        assert facts["url_scheme"] == "https"
        if _carries_variables(exhibit):
            assert facts["https"] == "on"
        plain = zoo.status(exhibit, front)
        assert (plain["url_scheme"], plain["https"]) == ("http", None)

    everywhere(zoo.open_cells(), check)


@pytest.mark.parametrize("front", FRONTS)
def test_a_visitor_cannot_change_the_scheme(zoo: Zoo, front: str) -> None:
    for exhibit in ("asgi", "wsgi", "wsgi-waitress", "uwsgi-http", "fastcgi"):
        lie = {"X-Forwarded-Proto": "http", "X-Forwarded-Ssl": "off"}
        assert https(zoo, front, f"/{exhibit}/status?json", headers=lie).json()["url_scheme"] == "https", exhibit
        truth = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on", "HTTPS": "on"}
        assert zoo.status(exhibit, front, headers=truth)["url_scheme"] == "http", exhibit


@pytest.mark.parametrize("front", FRONTS)
def test_guards_hold_over_tls_too(zoo: Zoo, front: str) -> None:
    assert https(zoo, front, "/nosuch/ping").status_code == 404
    assert https(zoo, front, "/exhibits.json").json()[0]["id"]
    chunks = requests.post(
        f"https://localhost:{zoo.ports[front] + TLS}/fastcgi/echo", data=iter([b"x"]), verify=authority(zoo), timeout=20
    )
    assert chunks.status_code == (200 if front == "nginx" else 411)


def test_http_2_ends_at_the_front(zoo: Zoo) -> None:
    """nginx speaks HTTP/2 to the visitor; a variable may say so, the connection to an HTTP gateway never does."""
    argv = ["curl", "-s", "--http2", "--cacert", authority(zoo), "-w", "\n%{http_version}"]
    for exhibit, told in (("fastcgi", "HTTP/2.0"), ("asgi", "HTTP/1.1")):
        url = f"https://localhost:{zoo.ports['nginx'] + TLS}/{exhibit}/status"
        said = subprocess.run([*argv, url], capture_output=True, text=True, check=True, timeout=30).stdout
        assert said.endswith("\n2"), said
        assert f"server_protocol:    {told}\n" in said


@pytest.mark.parametrize("front", FRONTS)
def test_old_tls_and_foreign_names_are_refused(zoo: Zoo, front: str) -> None:
    port = zoo.ports[front] + TLS
    assert requests.get(f"https://127.0.0.1:{port}/", verify=authority(zoo), timeout=20).status_code == 200
    with pytest.raises(requests.exceptions.SSLError):  # nobody trusts our authority unasked
        requests.get(f"https://localhost:{port}/", timeout=20)
    context = ssl.create_default_context(cafile=authority(zoo))
    context.check_hostname = True
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname="zoo.example")
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"]
    done = subprocess.run(argv, input="", capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0, done.stdout


def test_the_key_is_private_and_the_authority_cannot_sign_again(zoo: Zoo) -> None:
    here = zoo.run / "sock/tls"
    assert sorted(path.name for path in here.iterdir()) == ["ca.pem", "front.key", "front.pem"]
    assert (here / "front.key").stat().st_mode & 0o777 == 0o600
    assert here.stat().st_mode & 0o007 == 0


def test_made_once_and_again_when_the_year_is_over(tmp_path: Path) -> None:
    made = read_settings({"ZOO_RUN": str(tmp_path)})
    made.sockets.mkdir()
    first = (tls.make(made) / "front.pem").read_bytes()
    assert (tls.make(made) / "front.pem").read_bytes() == first
    old = (made.tls / "front.pem").stat().st_mtime - tls.DAYS * 86400
    os.utime(made.tls / "front.pem", (old, old))
    assert (tls.make(made) / "front.pem").read_bytes() != first
    assert [path.name for path in made.sockets.iterdir()] == ["tls"]
    opened = read_settings({"ZOO_RUN": str(tmp_path), "ZOO_LISTEN": "192.0.2.7"})
    assert not tls._covers(made.tls, "192.0.2.7")
    tls.make(opened)
    assert tls._covers(made.tls, "192.0.2.7")
    assert not tls._covers(made.tls, "192.0.2.8")
