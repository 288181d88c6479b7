"""A project of Docker Compose for tests: a name, a network and ports of its own."""

import json
import os
import random
import subprocess
from typing import Any

import requests
from zoo_in_test import FRONTS, ROOT, TLS, free

FURTHER = {"apache-prefork": "mpm", "apache-worker": "mpm", "apache-itk": "itk"}  # front -> profile


class Compose:
    """One compose project. `net`: the first three numbers of its networks."""

    def __init__(self) -> None:
        self.name = f"zoo-test-{os.getpid()}"
        self.net = f"10.{random.randrange(100, 250)}.{random.randrange(256)}"  # noqa: S311 - not a secret
        numbers = random.sample(range(10000, 30000), 200)
        first = next(n for n in numbers if free(*range(n, n + 8), n + TLS, n + 1 + TLS))
        self.ports = {front: first + number for number, front in enumerate((*FRONTS, *FURTHER))}
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("ZOO_", "COMPOSE_"))}
        self.env |= {"COMPOSE_PROJECT_NAME": self.name, "ZOO_NET": self.net}
        self.env |= {f"ZOO_{f.removeprefix('apache-').upper()}_PORT": str(port) for f, port in self.ports.items()}
        self.centre = first + 5
        self.wire = {front: first + 6 + number for number, front in enumerate(FRONTS)}  # where the centre records
        self.env |= {"ZOO_CENTRE_PORT": str(self.centre)}
        self.env |= {f"ZOO_{front.upper()}_WIRE_PORT": str(port) for front, port in self.wire.items()}
        self.env |= {f"ZOO_{front.upper()}_TLS_PORT": str(self.ports[front] + TLS) for front in FRONTS}

    def run(self, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """`docker compose …`; never raises for its exit status."""
        return docker("compose", *words, env=self.env | (env or {}))

    def ok(self, *words: str, env: dict[str, str] | None = None) -> str:
        done = self.run(*words, env=env)
        assert done.returncode == 0, f"docker compose {' '.join(words)}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def zoo(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the zoo in a container."""
        return self.run("run", "--rm", "-T", "zoo", *words)

    def config(self) -> dict[str, Any]:
        """docker-compose.yml with all that is repeated and substituted written out."""
        services: dict[str, Any] = json.loads(self.ok("--profile", "*", "config", "--format", "json"))["services"]
        return services

    def inspect(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(docker("inspect", f"{self.name}-{service}-1").stdout)[0]
        return found

    def get(self, exhibit: str, front: str, path: str = "ping") -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.ports[front]}/{exhibit}/{path}", timeout=30)

    def answers(self, exhibit: str, front: str) -> bool:
        try:
            return self.get(exhibit, front).text == "pong\n"
        except requests.ConnectionError:
            return False

    def leftovers(self) -> str:
        """List the containers, networks and volumes with the project's label."""
        label = f"label=com.docker.compose.project={self.name}"
        kinds = (("ps", "-a"), ("network", "ls"), ("volume", "ls"))
        return "".join(docker(*kind, "-q", "--filter", label).stdout for kind in kinds)


def docker(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *words], env=env, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
