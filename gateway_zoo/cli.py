"""The command line. Each command says what it takes, loads what it needs (nothing else: --help must be quick) and exits
0 (fine), 1 (a check failed), 2 (wrong usage) or 3 (the zoo is not running, or something it needs is missing).
"""

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from gateway_zoo.errors import Stop, fail, nearest
from gateway_zoo.settings import Settings, SettingsError, read_settings
from gateway_zoo.terminal.messages import say, write_anything


class Hinting(TyperGroup):
    """Says which command was probably meant, and why a command stopped."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Stop as stop:
            say(stop.text)
            raise typer.Exit(stop.status) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            fail(f"unknown command '{args[0]}'; {nearest(args[0], list(self.commands), 'zoo --help lists them')}", 2)
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Hinting,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="The Gateway Zoo: one tiny app through every gateway, behind nginx and Apache.",
)

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Exhibits; none means all.")]
Json = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]
Nginx = Annotated[str, typer.Option("--nginx", metavar="URL", envvar="ZOO_NGINX", help="Where nginx answers.")]
Apache = Annotated[str, typer.Option("--apache", metavar="URL", envvar="ZOO_APACHE", help="Where Apache answers.")]


def environment_settings() -> Settings:
    try:
        return read_settings()
    except (SettingsError, KeyError) as error:
        fail(str(error), 2)


def running_settings(*urls: str) -> Settings:
    """The settings of the zoo that runs in this run directory: a second terminal may have other ports in its
    environment. With addresses of another zoo, or where none runs here, the environment's."""
    given = environment_settings()
    if any(urls):
        return given
    from gateway_zoo.keeper import state

    try:
        return state.running_settings(given)
    except SettingsError as error:
        fail(str(error), 3)


@app.command()
def up(
    ids: Ids = None,
    detach: Annotated[bool, typer.Option("-d", "--detach", help="Return when everything answers.")] = False,
    groups: Annotated[list[str] | None, typer.Option("--with", metavar="GROUP", help="An optional part: php.")] = None,
    mpm: Annotated[str, typer.Option(help="Apache's process model: event, worker, prefork; all: side by side.")] = "",
    echo: Annotated[bool, typer.Option(help="Add /echo: what arrived, for tests and labs.")] = False,
) -> None:
    """Start the zoo, wait until every open cell answers, show what there is. Ctrl-C stops it."""
    from gateway_zoo.commands import up as command

    if mpm:
        os.environ["ZOO_MPM"] = mpm
    raise typer.Exit(command.run(environment_settings(), ids, groups or [], detach=detach, echo=echo))


@app.command()
def down() -> None:
    """Stop the zoo. Stopping one that does not run is fine."""
    from gateway_zoo.commands import down as command

    raise typer.Exit(command.run(environment_settings()))


@app.command()
def restart(id: Annotated[str, typer.Argument(help="An exhibit, nginx or apache.")]) -> None:
    """Start the processes of one exhibit, or one front, again."""
    from gateway_zoo.commands import restart as command

    raise typer.Exit(command.run(running_settings(), id))


@app.command("ls")
def list_exhibits(as_json: Json = False) -> None:
    """List the exhibits: protocol, process model, where they answer."""
    from gateway_zoo.commands import ls

    raise typer.Exit(ls.run(running_settings(), as_json))


@app.command()
def check(ids: Ids = None, as_json: Json = False, nginx: Nginx = "", apache: Apache = "") -> None:
    """Ask every cell every endpoint, GET and HEAD, and hold the answers against the contract."""
    from gateway_zoo.commands import check as command

    raise typer.Exit(command.run(running_settings(nginx, apache), ids, as_json, {"nginx": nginx, "apache": apache}))


@app.command()
def compare(
    ids: Ids = None,
    mpm: Annotated[bool, typer.Option("--mpm", help="Apache's MPMs instead, beside what lectures say.")] = False,
    as_json: Json = False,
    nginx: Nginx = "",
    apache: Apache = "",
) -> None:
    """Put the process models side by side, from observation. With two exhibits: explain them in sentences."""
    if mpm:
        from gateway_zoo.commands import compare_mpm as mpms

        raise typer.Exit(mpms.run(running_settings(apache), as_json, mpms_urls(apache)))
    from gateway_zoo.commands import compare as command

    raise typer.Exit(command.run(running_settings(nginx, apache), ids, as_json, {"nginx": nginx, "apache": apache}))


def mpms_urls(apache: str) -> dict[str, str]:
    """Apaches elsewhere: the one given, and those of ZOO_MPM_FRONTS."""
    from gateway_zoo.measure import targets

    return {"apache": apache, **targets.further()} if apache else {}


@app.command()
def news(ids: Ids = None, as_json: Json = False, nginx: Nginx = "", apache: Apache = "") -> None:
    """Hear news in four ways through every cell: polling, long polling, Server-Sent Events, WebSocket."""
    from gateway_zoo.commands import news as command

    raise typer.Exit(command.run(running_settings(nginx, apache), ids, as_json, {"nginx": nginx, "apache": apache}))


@app.command()
def wire(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[ID] /PATH", help="An exhibit and what to ask it; with --diff two.")
    ] = None,
    fastcgi: Annotated[str, typer.Option(metavar="ADDRESS", help="Ask unix:PATH or HOST:PORT instead.")] = "",
    scgi: Annotated[str, typer.Option(metavar="ADDRESS", help="The same in SCGI,")] = "",
    uwsgi: Annotated[str, typer.Option(metavar="ADDRESS", help="in uwsgi,")] = "",
    ajp: Annotated[str, typer.Option(metavar="ADDRESS", help="in AJP,")] = "",
    http: Annotated[str, typer.Option(metavar="ADDRESS", help="in HTTP/1.1.")] = "",
    via: Annotated[str, typer.Option(metavar="FRONT", help="Ask nginx or apache, and show what it made of it.")] = "",
    diff: Annotated[
        bool, typer.Option("--diff", help="Ask two exhibits the same: what differs, what it costs.")
    ] = False,
    program: Annotated[bool, typer.Option("--program", help="Run the CGI program itself, as CGI does.")] = False,
    method: Annotated[str, typer.Option("-X", "--method", help="GET; POST with --data.")] = "",
    data: Annotated[str | None, typer.Option(metavar="TEXT|@FILE", help="The body; @- reads standard input.")] = None,
    headers: Annotated[
        list[str] | None, typer.Option("-H", "--header", metavar="'N: V'", help="Of the client; 'N:' leaves it out.")
    ] = None,
    params: Annotated[
        list[str] | None, typer.Option("--param", metavar="N=V", help="A variable; N= empty, N alone: left out.")
    ] = None,
    recording: Annotated[str, typer.Option("--show", metavar="FILE", help="List a recording; /PATH is a number.")] = "",
    pcap: Annotated[str, typer.Option(metavar="OUT", help="With --show: write it for Wireshark.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Every field: lengths, paddings, long values.")] = False,
    dump: Annotated[bool, typer.Option("--hex", help="Every byte, below the fields.")] = False,
    secrets: Annotated[bool, typer.Option("--secrets", help="Show passwords and cookies.")] = False,
    as_json: Json = False,
) -> None:
    """Speak an exhibit's protocol straight to its socket, and show every byte by name."""
    from gateway_zoo.wire.ask import command
    from gateway_zoo.wire.ask.options import Options

    named = {"FastCGI": fastcgi, "SCGI": scgi, "uwsgi": uwsgi, "AJP": ajp, "HTTP": http}
    options = Options(
        words=words or [],
        foreign={protocol: address for protocol, address in named.items() if address},
        via=via,
        recording=recording,
        pcap=pcap,
        method=method,
        data=data,
        headers=headers or [],
        params=params or [],
        diff=diff,
        program=program,
        every=every,
        dump=dump,
        secrets=secrets,
        as_json=as_json,
    )
    raise typer.Exit(command.run(running_settings(recording, *named.values()), options))


@app.command()
def record(
    ids: Ids = None,
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="FILE", help="A new one; else $ZOO_RUN/wire.jsonl, anew each time."),
    ] = "",
    front: Annotated[list[str] | None, typer.Option(help="nginx or apache; none means both.")] = None,
    secrets: Annotated[bool, typer.Option(help="Passwords and cookies too.")] = False,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Show it in a browser as it grows.")] = False,
) -> None:
    """Record what fronts and gateways say to each other: fronts of its own, with a relay behind. Ctrl-C ends it."""
    from gateway_zoo.wire.recorder import record as command

    raise typer.Exit(command.run(running_settings(), ids, front or [], output, secrets=secrets, page=page))


@app.command()
def replay(
    file: Annotated[str, typer.Argument(help="A recording.")],
    only: Annotated[
        list[int] | None, typer.Option(metavar="N", help="This exchange; `wire --show` has the numbers.")
    ] = None,
    to: Annotated[str, typer.Option(metavar="ID", help="Another exhibit, whatever it speaks.")] = "",
    as_json: Json = False,
) -> None:
    """Ask a recording's requests again, straight at the gateway: are the answers the same?"""
    from gateway_zoo.wire.recorder import replay as command

    raise typer.Exit(command.run(running_settings(), file, only or [], to, as_json))


@app.command()
def ps(ids: Ids = None, as_json: Json = False) -> None:
    """Show the process families of every exhibit and of both fronts as a tree; with ids, only theirs."""
    from gateway_zoo.commands import ps as command

    raise typer.Exit(command.run(running_settings(), ids, as_json))


@app.command()
def logs(
    ids: Ids = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as new lines come.")] = False,
    count: Annotated[int, typer.Option("-n", min=1, help="How many requests to show.")] = 20,
    as_json: Json = False,
) -> None:
    """Show requests: the front's line and the gateway's, joined by the request id."""
    from gateway_zoo.commands import logs as command

    raise typer.Exit(command.run(running_settings(), ids, follow, count, as_json))


@app.command()
def config(front: Annotated[str, typer.Argument(help="nginx or apache")]) -> None:
    """Print the one generated file of a front."""
    from gateway_zoo.keeper import fronts
    from gateway_zoo.registry import plans

    settings = running_settings()
    if front not in settings.fronts:
        fail(f"unknown front '{front}'; expected {' or '.join(settings.fronts)}", 2)
    typer.echo(fronts.local_conf(front, plans.make(settings)), nl=False)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Name what is missing or in the way, and the fix."""
    from gateway_zoo.commands import doctor as command

    raise typer.Exit(command.run(environment_settings(), as_json))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run the test suite, installing what it needs first. Arguments go to pytest."""
    from gateway_zoo.commands import test_suite

    raise typer.Exit(test_suite.run(environment_settings(), context.args))


lab = typer.Typer(
    cls=Hinting, no_args_is_help=True, rich_markup_mode=None, help="Experiments that end by themselves; see labs/."
)
app.add_typer(lab, name="lab")


def experiment(run: Callable[[], int]) -> NoReturn:
    """Run a lab and leave with its exit status; interrupted, it has closed everything before it comes here."""
    try:
        raise typer.Exit(run())
    except KeyboardInterrupt:
        fail("interrupted; what the lab had opened is closed", 3)


@lab.command()
def c10k(
    connections: Annotated[int, typer.Option(min=1, max=20_000, help="Idle ones, then as many slow ones.")] = 1000,
    against: Annotated[str, typer.Option(metavar="FRONT,...", help="Some of these.")] = "nginx,event,worker,prefork",
    seconds: Annotated[float, typer.Option(min=0.5, max=10, help="How long visitors come to each.")] = 3,
    as_json: Json = False,
) -> None:
    """Hold N connections against nginx and each of Apache's models: what do they cost, how long does a visitor wait?"""
    from gateway_zoo.lab import c10k as command

    experiment(lambda: command.run(environment_settings(), connections, against, seconds, as_json))


@lab.command()
def poll(
    descriptors: Annotated[int, typer.Option(min=2, max=100_000, help="The most to wait for.")] = 10_000,
    as_json: Json = False,
) -> None:
    """Wait for the same N descriptors with select, poll and epoll: O(n) against O(1)."""
    from gateway_zoo.lab import poll as command

    experiment(lambda: command.run(descriptors, as_json))


@lab.command()
def sockets(
    pings: Annotated[int, typer.Option(min=20, max=5000, help="In each round of the cost measurement.")] = 300,
    as_json: Json = False,
) -> None:
    """The same gateway on a unix socket and on TCP: who may come, what it costs, and what an overload does to each."""
    from gateway_zoo.lab import sockets as command

    experiment(lambda: command.run(environment_settings(), pings, as_json))


def main() -> None:
    """Entry point. Ctrl-C ends quietly; a reader that goes away (`zoo ls | head`) is no error."""
    write_anything()
    try:
        app(prog_name="zoo")
    except BrokenPipeError:
        sys.stderr.close()
