"""`zoo record --listen ADDRESS --fastcgi ADDRESS`: record between a web server and a gateway that are not the zoo's.

No zoo needs to run. The relay listens on a unix socket or on loopback (door.py), and connects to the gateway, also on
another machine. The person points the web server at the relay's address.

As root, the command opens its socket and becomes --user before it connects, writes or reads a byte of strangers. The
file of the recording is the user's, too.
"""

import os
import pwd
import socket
import stat
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway_zoo.errors import fail, nearest
from gateway_zoo.keeper import privileges, process
from gateway_zoo.keeper.own_zoo import stop_like_ctrl_c
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal.messages import say
from gateway_zoo.wire.ask import client
from gateway_zoo.wire.ask.client import Address
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.recorder import door, record
from gateway_zoo.wire.recorder.door import Like
from gateway_zoo.wire.recorder.mask_stream import Masking
from gateway_zoo.wire.recorder.recorder import Printer, Recorder
from gateway_zoo.wire.recorder.relay import Place, Relay, Target

RIGHT = "expected zoo record --listen ADDRESS --fastcgi ADDRESS; also --scgi, --uwsgi, --ajp, --http"
FRONT = "web server"  # its name in the recording
CONNECT_S = 5.0
#: What a web server's configuration says of the relay: of nginx, and of Apache where nginx has no such module.
POINT = {
    "FastCGI": ("fastcgi_pass {};", "unix:{}"),
    "SCGI": ("scgi_pass {};", "unix:{}"),
    "uwsgi": ("uwsgi_pass {};", "unix:{}"),
    "HTTP": ("proxy_pass http://{};", "unix:{}:"),
    "AJP": ("ProxyPass / {}", "unix:{}|ajp://localhost/"),
}


@dataclass(frozen=True)
class Words:
    """The command line. `foreign`: protocol -> the gateway's address."""

    listen: str
    foreign: Mapping[str, str]
    output: str
    user: str
    secrets: bool
    page: bool
    zoos: bool  # exhibits or fronts of the zoo are given


def run(settings: Settings, words: Words) -> int:
    """Record until Ctrl-C. Returns 0. Raises Stop: 2 for a wrong command line, 3 for a gateway that does not answer or
    a socket that is taken."""
    protocol, listen, gateway = _addresses(words)
    user = _user(words.user, gateway)
    codecs = Codecs(load(settings.root))
    for name in codecs.protocols:
        codecs[name]  # loaded now: --user may be unable to read the checkout
    place = _place(gateway)
    if place == _own_place(listen):
        fail(f"--listen {listen} is the gateway's own address: the relay would ask itself", 2)
    stop_like_ctrl_c()
    with ExitStack() as ending:
        listening = ending.enter_context(door.opened(listen, _like(gateway, user)))
        relay = _Relayed(listening, Target(str(gateway), FRONT, protocol, str(gateway), place))
        ending.callback(relay.close)
        if user:
            privileges.become(user)
        _check_gateway(gateway, place)
        _check_page(words.page)
        _record(relay, codecs, listen, words)
    return 0


def _addresses(words: Words) -> tuple[str, Address, Address]:
    """The gateway's protocol, where to listen, and where the gateway is. Raises Stop."""
    if not words.listen:
        option = f"--{next(iter(words.foreign), 'user').lower()}"
        fail(f"{option} goes with --listen; {RIGHT}", 2)
    if words.zoos:
        fail("--listen records a gateway that is not the zoo's: it takes no exhibit, and no --front", 2)
    if len(words.foreign) != 1:
        fail(f"--listen takes one gateway, not {len(words.foreign)}; {RIGHT}", 2)
    ((protocol, text),) = words.foreign.items()
    try:
        listen = client.address(words.listen)
    except ValueError as error:
        fail(f"--listen {error}", 2)
    try:
        gateway = client.address(text)
    except ValueError as error:
        fail(f"--{protocol.lower()} {error}", 2)
    if gateway.path:
        gateway = Address(path=str(Path(gateway.path).absolute()))
    return protocol, door.checked(listen), gateway


def _user(name: str, gateway: Address) -> pwd.struct_passwd | None:
    """The user to become; None: this process is not root's. Raises Stop."""
    if os.geteuid() != 0:
        if name and name != pwd.getpwuid(os.geteuid()).pw_name:
            fail(f"--user {name}: only root can become another user; leave it out, or use sudo", 2)
        return None
    if not name:
        fail(f"root relays no bytes of strangers; give --user NAME, such as {_owner(gateway)}", 2)
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        fail(
            f"--user {name}: no such user; {nearest(name, [each.pw_name for each in pwd.getpwall()], 'id lists one')}",
            2,
        )
    if user.pw_uid == 0:
        fail(f"--user {name} is root; expected another user, such as {_owner(gateway)}", 2)
    return user


def _owner(gateway: Address) -> str:
    """A user who may open the gateway's socket."""
    with suppress(OSError, KeyError):
        if gateway.path and (uid := os.stat(gateway.path).st_uid):
            return pwd.getpwuid(uid).pw_name
    return "www-data"


def _place(gateway: Address) -> Place:
    """The gateway's address for connect(2): a host's name is looked up once. Raises Stop."""
    if gateway.path:
        return gateway.path
    try:
        host = gateway.host.strip("[]")
        found = socket.getaddrinfo(host, gateway.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        fail(f"{gateway}: {getattr(error, 'strerror', None) or 'no name of a host'}; expected the gateway's address", 3)
    place: Place = found[0][4]  # type: ignore[assignment]  # of an Internet family
    return place


def _own_place(listen: Address) -> Place:
    if listen.path:
        return listen.path
    return (listen.host, listen.port, 0, 0) if ":" in listen.host else (listen.host, listen.port)


def _like(gateway: Address, user: pwd.struct_passwd | None) -> Like:
    """Mode and owner of the relay's unix socket: those of the gateway's; for a gateway on TCP, the user's."""
    with suppress(OSError):
        if gateway.path:
            facts = os.stat(gateway.path)
            return Like(stat.S_IMODE(facts.st_mode) & 0o777, facts.st_uid, facts.st_gid)
    return Like(user=user.pw_uid, group=user.pw_gid) if user else Like()


def _check_gateway(gateway: Address, place: Place) -> None:
    """Connect once, and send nothing. Raises Stop with what to do."""
    try:
        gateway.connect(CONNECT_S).close()
    except PermissionError as error:
        fail(f"{gateway}: {_not_permitted(str(place), error)}", 3)
    except OSError as error:
        file = isinstance(place, str) and os.path.lexists(place) and not Path(place).is_socket()
        fail(f"{gateway} does not answer: {'it is no socket' if file else error.strerror or error}", 3)


def _not_permitted(path: str, error: OSError) -> str:
    me = pwd.getpwuid(os.geteuid()).pw_name
    try:
        who = door.who_may_open(path)
        owner = Path(path).owner()
    except (OSError, KeyError):
        return (
            f"{error.strerror} for {me}, also to see whose it is; use sudo, with --user NAME of the web server's user"
        )
    return f"{me} may not open it, but {who}; become {owner}, or use sudo and --user {owner}"


def _check_page(page: bool) -> None:
    if page and not os.access(sys.executable, os.X_OK):
        me = pwd.getpwuid(os.geteuid()).pw_name
        fail(f"--page: {me} may not run {sys.executable}; leave --page out, and show the file later", 3)


class _Relayed:
    """The relay with its thread. `error` is what ended it."""

    def __init__(self, listening: socket.socket, target: Target) -> None:
        self.listening, self.target = listening, target
        self.relay: Relay | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="relay")

    def start(self, recorder: Recorder, codecs: Codecs) -> Relay:
        relay = self.relay = Relay(
            recorder.entry if recorder.secrets else Masking(codecs, recorder.entry), recorder.pause
        )
        relay.add(self.listening, self.target)
        with process.signals_deferred():  # the main thread gets the signals: they stay blocked in the relay's
            self._thread.start()
        return relay

    def _run(self) -> None:
        assert self.relay
        try:
            self.relay.run()
        except BaseException as error:  # noqa: BLE001 - `look` raises it
            self.error = error

    def look(self) -> None:
        """Raise what ended the relay."""
        if self.error:
            raise self.error

    def close(self) -> None:
        """End the relay, if it runs, and close the socket."""
        if self.relay and self._thread.is_alive():
            self.relay.stop()
            self._thread.join()
        self.listening.close()


def _record(relayed: _Relayed, codecs: Codecs, listen: Address, words: Words) -> None:
    path, file = _file(words.output)
    try:
        with file:
            printer = Printer(Recorder(file, words.secrets), codecs)
            with suppress(KeyboardInterrupt):
                relay = relayed.start(printer.recorder, codecs)
                _announce(relayed.target, listen, path, words.secrets)
                record.print_until_ctrl_c(relayed.look, printer, path if words.page else None)
            relayed.close()
            record.sum_up(printer, relay.count, path)
    except OSError as error:
        fail(f"{path}: the recording ends: {error.strerror or error}", 3)


def _file(output: str) -> tuple[Path, IO[bytes]]:
    """The new file of the recording; without -o it is in the directory for temporary files, and stays. Raises Stop."""
    if output:
        path = Path(output).absolute()
        return path, record.new_file(path)
    try:
        number, name = tempfile.mkstemp(prefix="zoo-wire-", suffix=".jsonl")
    except OSError as error:
        fail(f"no file can be made in {tempfile.gettempdir()}: {error.strerror}; give -o FILE", 3)
    return Path(name), os.fdopen(number, "wb")


def _announce(target: Target, listen: Address, path: Path, secrets: bool) -> None:
    line, unix = POINT.get(target.protocol, ("{}", "unix:{}"))
    where = unix.format(listen.path) if listen.path else f"{'ajp://' if target.protocol == 'AJP' else ''}{listen}"
    may = f", for {door.who_may_open(listen.path)}" if listen.path else ""
    say(f"{target.protocol} is recorded on {listen}{may}, and goes on to {target.address}")
    say(f"in the configuration of the web server: {line.format(where)}")
    say(f"writing {path}" + (", passwords and cookies included" if secrets else ""))
    say("Ctrl-C ends the recording.")
