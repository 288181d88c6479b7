"""Run a CGI program as CGI does (RFC 3875).

The variables are its environment, the body is its input. It runs as the zoo's user, in its own folder, with the
environment that gateways get (keeper/children.py).
"""

import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

from gateway_zoo.errors import fail
from gateway_zoo.keeper import children
from gateway_zoo.registry import places
from gateway_zoo.registry.cages import Registry
from gateway_zoo.settings import Settings, user_of_the_zoo
from gateway_zoo.wire.ask import direct
from gateway_zoo.wire.ask.client import LIMIT, Patience
from gateway_zoo.wire.ask.request import FRONT, BadWordError, ClientRequest, variables
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import KEEP_ONE, Exchange
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.faults import CannotEncode
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened

PROTOCOL = "CGI"
RUNS_ON = "the program did not end"


def run_program(
    settings: Settings, registry: Registry, codecs: Codecs, id: str, request: ClientRequest, patience: Patience
) -> Exchange:
    """Run the program of an exhibit once. Raises Stop: 2 for an exhibit without a program, 3 if it does not run."""
    exhibit, cage, body = registry.exhibits[id], registry.cage_of(id), request.data or b""
    if not exhibit.program:
        programs = ", ".join(e.id for e in registry.exhibits.values() if e.program)
        fail(f"{id} is no program that is run for a request; these are: {programs}", 2)
    with places.linked_for_now(settings) as linked:
        zoo = children.environment(linked, exhibit.family, "")
        environment = {os.fsencode(name): os.fsencode(value) for name, value in zoo.items()}
        try:
            environment |= dict(variables(request, direct.target_of(linked, registry, id, request)))
            block = codecs[PROTOCOL].request(list(environment.items()), body)
        except (BadWordError, CannotEncode) as error:
            fail(str(error), 2)
        began = time.time()
        output, why = _run(str(cage.path / exhibit.program), str(cage.path), environment, body, patience.seconds)
    opened = Opened(connection=1, at=began, exhibit=id, front=FRONT, protocol=PROTOCOL, address=exhibit.program)
    exchange = _exchange(codecs, opened, block, output, why, patience)
    if why.startswith(RUNS_ON) and patience.hint:
        exchange.errors.append(patience.hint)
    return exchange


def _run(program: str, folder: str, environment: dict[bytes, bytes], body: bytes, seconds: float) -> tuple[bytes, str]:
    """(standard output, problem). Output goes to files: the kernel lets no file grow beyond LIMIT bytes."""
    user = user_of_the_zoo()
    root = os.geteuid() == 0
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as log:
        try:
            done = subprocess.run(
                [program],
                env=environment,
                input=body,
                cwd=folder,
                timeout=seconds,
                stdout=output,
                stderr=log,
                user=user.pw_uid if root else None,
                group=user.pw_gid if root else None,
                extra_groups=[] if root else None,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT)),
                check=False,
            )
            why = _why(done.returncode, output, log)
        except subprocess.TimeoutExpired:
            why = f"{RUNS_ON} within {seconds:g} s, our limit"
        except OSError as error:
            why = places.not_run(Path(program)) or f"{error.strerror}; ./zoo doctor names what is in the way"
            fail(f"{program} cannot be run: {why}", 3)
        output.seek(0)
        return output.read(LIMIT), why


def _why(status: int, output: IO[bytes], log: IO[bytes]) -> str:
    """The problem; empty if there is none. The limit does not kill Python programs: they get EFBIG."""
    if output.seek(0, os.SEEK_END) >= LIMIT:
        return f"the program wrote more than {LIMIT:,} bytes, our limit"
    log.seek(max(0, log.seek(0, os.SEEK_END) - 500))
    words = log.read().decode("utf-8", "replace").strip()
    return f"it ended with status {status}: {words}" if status else ""


def _exchange(codecs: Codecs, opened: Opened, block: bytes, output: bytes, why: str, patience: Patience) -> Exchange:
    exchanges = Exchanges(codecs, keep=lambda _: KEEP_ONE)
    now = time.time()
    entries: list[AnyEntry] = [opened, Bytes(connection=1, at=opened.at, direction="request", data=block)]
    entries += [Ended(connection=1, at=opened.at, direction="request")]
    entries += [Bytes(connection=1, at=now, direction="response", data=output)] if output else []
    entries += [Ended(connection=1, at=now, direction="response"), Closed(connection=1, at=now, why=why)]
    for entry in entries:
        patience.keep(entry)
        exchanges.feed(entry)
    exchange = exchanges.all[1]
    if why and why not in exchange.errors:
        exchange.errors.append(why)
    return exchange
