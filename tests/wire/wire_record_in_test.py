"""A `zoo record` in the background, as tests and benches use it."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import requests
from zoo_in_test import Zoo, eventually, free, words_of

from gateway_zoo.wire.recording import AnyEntry, read

SHIFT = 10  # from a front's port to the port where it is recorded


def as_owner(zoo: Zoo) -> dict[str, Any]:
    """Options of Popen: the zoo's user. With -o, record does not run as root."""
    owner = zoo.run.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}


class Recording:
    """A `zoo record` in the background. `file` is what it writes."""

    def __init__(self, zoo: Zoo, *words: str) -> None:
        self.zoo, self.said = zoo, zoo.run.with_suffix(".said")
        self.file = zoo.run / "wire.jsonl"
        with self.said.open("wb") as out:
            argv = [str(zoo.root / "zoo"), "record", *words]
            user = as_owner(zoo) if "-o" in words else {}
            self.process = subprocess.Popen(
                argv, env=zoo.env, stdout=out, stderr=out, cwd="/", start_new_session=True, **user
            )
        eventually(lambda: "Ctrl-C ends" in self.text() or self.process.poll() is not None, 20, "a recording")
        assert self.process.poll() is None, self.text()

    def text(self) -> str:
        return self.said.read_text(encoding="utf-8")

    def url(self, exhibit: str, front: str = "nginx", path: str = "ping") -> str:
        return f"http://127.0.0.1:{self.zoo.ports[front] + SHIFT}/{exhibit}/{path}"

    def get(self, exhibit: str, front: str = "nginx", path: str = "ping", **options: Any) -> requests.Response:
        return requests.get(self.url(exhibit, front, path), timeout=20, **options)

    def entries(self) -> list[AnyEntry]:
        with self.file.open("rb") as lines:
            return list(read(lines, "it"))

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it, and see that nothing of it is left."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(20)
        eventually(lambda: not self.left(), 10, f"nothing left: {self.left()}")
        return code

    def left(self) -> list[str]:
        """Processes in its directory, the directory, its ports."""
        found = [f"{p.pid} {words_of(p)}" for p in self.zoo.processes() if runs_in(p, self.zoo.run / "wire")]
        found += [str(path) for path in self.zoo.run.glob("wire*") if path.is_dir()]
        return found + [str(port) for port in self.zoo.ports.values() if not free(port + SHIFT)]


def runs_in(process: psutil.Process, path: Path) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        environ = Path(f"/proc/{process.pid}/environ").read_bytes()
        return str(path).encode() in environ or os.readlink(f"/proc/{process.pid}/cwd").startswith(str(path))
    return False


@contextlib.contextmanager
def recording(zoo: Zoo, *words: str) -> Iterator[Recording]:
    made = Recording(zoo, *words)
    try:
        yield made
    finally:
        made.stop()
        made.said.unlink()
