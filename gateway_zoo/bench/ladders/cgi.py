"""From CGI to a process that stays: what each part of a program's start costs.

Two servers of programs/scgi.py share a socket for each step, so two requests run at once, however they are answered.
"""

from collections.abc import Iterator

from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.ladder import Ladder, Step
from gateway_zoo.bench.records import Side, Target

SERVERS = 2
COLD = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/nonexistent/bytecode"}


def start(ground: Ground) -> Iterator[Target]:
    """Start two servers for each step, and one nginx before them."""
    packages = f"{ground.checkout}/app:{ground.packages}"
    zoos_program = f"{ground.checkout}/cgi_bin/app.cgi"
    ways: dict[str, tuple[list[str], dict[str, str]]] = {
        "cold": (["starts", zoos_program], COLD),
        "bytecode": (["starts", zoos_program], {}),
        "flags": (["starts", f"{ground.programs}/flags.cgi"], {"PACKAGES": packages}),
        "fewer imports": (["starts", f"{ground.programs}/plain.cgi"], {}),
        "forked": (["forks"], {}),
        "persistent": (["serves"], {}),
    }
    sockets = {name: name.replace(" ", "-") for name in ways}
    sessions: dict[str, list[int]] = {}
    for name, (words, more) in ways.items():
        shared = ground.listener(sockets[name])
        argv = ["python", f"{ground.programs}/scgi.py", *words]
        sessions[name] = [ground.server(sockets[name], argv, more, shared) for _ in range(SERVERS)]
    location = "location /%s/ { include params/scgi.conf; scgi_param SCRIPT_NAME /%s; scgi_pass unix:%s.sock; }"
    address, front = ground.nginx("\n".join(location % (name, name, name) for name in sockets.values()))
    for name, way in sockets.items():
        yield Target(
            name=name,
            url=f"{address}/{way}/ping",
            body=b"pong\n",
            processes=SERVERS,
            threads=1,
            gateway=Side(sessions=sessions[name]),
            front=front,
            behind="nginx",
        )


LADDER = Ladder(
    title="From CGI to a process that stays",
    about="Each step takes away a part of what a CGI program does anew for every request. The answer stays the same.",
    steps=(
        Step("cold", "A CGI program; Python finds no bytecode and may write none, so it compiles each module again."),
        Step("bytecode", "The modules are compiled ahead, as pip and the zoo do it."),
        Step("flags", "Python starts with -I -S: it reads no variables and no *.pth files, and does not import site."),
        Step("fewer imports", "The program imports nothing: no Flask. It prints the answer by itself."),
        Step("forked", "No program is started: a parent that has imported Flask and the app forks for each request."),
        Step("persistent", "No process is started: the same server answers by itself, one request after the other."),
    ),
    start=start,
    connections=2,
)
