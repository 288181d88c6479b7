"""The command line. Each command says what it takes, loads what it needs (nothing else: --help must be quick) and exits
0 (fine), 1 (a check failed), 2 (wrong usage) or 3 (the zoo is not running, or something it needs is missing).
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway_zoo.cli_group import Commands, WireCommand, environment_settings
from gateway_zoo.errors import fail
from gateway_zoo.settings import Settings, SettingsError, read_settings
from gateway_zoo.terminal.messages import write_anything

SHELLS = ("bash", "zsh", "fish")
COMPLETE = "_ZOO_COMPLETE"  # the variable by which a shell asks for completions


def _version(asked_for: bool) -> None:
    if asked_for:
        from gateway_zoo.commands import version as command

        raise typer.Exit(command.run(environment_settings(), as_json=False))


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def zoo(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show every server's version.")
    ] = False,
) -> None:
    """The Gateway Zoo: one tiny app through every gateway, behind nginx and Apache."""


def _exhibits(incomplete: str) -> list[str]:
    from gateway_zoo.registry.cages import load

    return [id for id in load(read_settings().root).exhibits if id.startswith(incomplete)]


def _exhibits_and_fronts(incomplete: str) -> list[str]:
    return [*_exhibits(incomplete), *(front for front in read_settings().fronts if front.startswith(incomplete))]


Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Exhibits; none means all.", autocompletion=_exhibits)
]
Json = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]
Nginx = Annotated[str, typer.Option("--nginx", metavar="URL", envvar="ZOO_NGINX", help="Where nginx answers.")]
Apache = Annotated[str, typer.Option("--apache", metavar="URL", envvar="ZOO_APACHE", help="Where Apache answers.")]


def running_settings(*urls: str) -> Settings:
    """Read the settings of the zoo that runs in this run directory: a second terminal may have other ports in its
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
    groups: Annotated[
        list[str] | None, typer.Option("--with", metavar="GROUP", help="An optional part: php; bench: its tools.")
    ] = None,
    mpm: Annotated[str, typer.Option(help="Apache's process model: event, worker, prefork; all: side by side.")] = "",
    echo: Annotated[bool, typer.Option(help="Add /echo: what arrived, for tests and labs.")] = False,
) -> None:
    """Start the zoo and list what it has. Ctrl-C stops it."""
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
def restart(
    id: Annotated[
        str, typer.Argument(help="An exhibit, nginx, apache or centre.", autocompletion=_exhibits_and_fronts)
    ],
) -> None:
    """Start an exhibit or a front again."""
    from gateway_zoo.commands import restart as command

    raise typer.Exit(command.run(running_settings(), id))


@app.command()
def status(as_json: Json = False) -> None:
    """Say whether a zoo runs, where, and what is down."""
    from gateway_zoo.commands import status as command

    raise typer.Exit(command.run(running_settings(), as_json))


@app.command("ls")
def list_exhibits(as_json: Json = False) -> None:
    """List the exhibits and where they answer."""
    from gateway_zoo.commands import ls

    raise typer.Exit(ls.run(running_settings(), as_json))


@app.command()
def check(ids: Ids = None, as_json: Json = False, nginx: Nginx = "", apache: Apache = "") -> None:
    """Ask every cell every endpoint, and judge the answers."""
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
    """Observe the process models side by side. With two exhibits: explain them in sentences."""
    if mpm:
        from gateway_zoo.commands import compare_mpm as mpms

        raise typer.Exit(mpms.run(running_settings(apache), as_json, mpms_urls(apache)))
    from gateway_zoo.commands import compare as command

    raise typer.Exit(command.run(running_settings(nginx, apache), ids, as_json, {"nginx": nginx, "apache": apache}))


def mpms_urls(apache: str) -> dict[str, str]:
    """URLs of Apaches elsewhere: the given one, and those of ZOO_MPM_FRONTS."""
    from gateway_zoo.measure import targets

    return {"apache": apache, **targets.further()} if apache else {}


@app.command()
def crowd(
    ids: Annotated[list[str], typer.Argument(help="One exhibit, or two.", autocompletion=_exhibits)],
    front: Annotated[str, typer.Option(metavar="FRONT", help="nginx or apache; the first that is open.")] = "",
    requests: Annotated[int, typer.Option(metavar="N", help="How many at once: 1 to 32.")] = 8,
    hold: Annotated[int, typer.Option(metavar="MS", help="How long each one runs: 10 to 1000 ms.")] = 300,
    stop_worker: Annotated[
        bool, typer.Option("--stop-worker", help="Kill a process of the exhibit meanwhile, and see it come back.")
    ] = False,
    place: Annotated[
        int | None,
        typer.Option(metavar="N", help="Which process: 1 is the oldest of its family; usually the youngest."),
    ] = None,
    inside: Annotated[bool, typer.Option("--inside", help="Take a CGI request apart: fork, imports, answer.")] = False,
    as_json: Json = False,
    nginx: Nginx = "",
    apache: Apache = "",
) -> None:
    """Send requests at once, and draw when each one ran, and where."""
    from gateway_zoo.commands import crowd as command

    here = [name for name, given in {"--stop-worker": stop_worker, "--inside": inside}.items() if given]
    if len(here) > 1 or (here and (nginx or apache)):
        fail(f"{here[0]} works alone, and on the zoo that runs here", 2)
    if place is not None and not stop_worker:
        fail("--place belongs to --stop-worker", 2)
    if inside:
        raise typer.Exit(command.run_inside(running_settings(), ids, front, as_json))
    if stop_worker:
        settings = running_settings()
        raise typer.Exit(command.run_stop_worker(settings, ids, front, requests, hold, place, as_json))
    urls = {"nginx": nginx, "apache": apache}
    raise typer.Exit(command.run(running_settings(nginx, apache), ids, front, requests, hold, as_json, urls))


@app.command()
def traits(
    ids: Ids = None,
    names: Annotated[list[str] | None, typer.Option("-t", "--trait", metavar="NAME", help="Only this trait.")] = None,
    front: Annotated[str, typer.Option(metavar="FRONT", help="nginx or apache; both if not given.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the traits that wait long.")] = False,
    lists: Annotated[bool, typer.Option("--list", help="List the traits with their questions.")] = False,
    short: Annotated[bool, typer.Option("--short", help="A line for each trait.")] = False,
    evidence: Annotated[bool, typer.Option("--evidence", help="Show what the answers rest on.")] = False,
    html: Annotated[str, typer.Option(metavar="FILE", help="Write a report in one file of HTML.")] = "",
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Tables in Markdown.")] = False,
    old: Annotated[str, typer.Option("--from", metavar="FILE", help="Show a file of --json; measure nothing.")] = "",
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="OLD NEW", help="Compare two files of --json; measure nothing."),
    ] = None,
    expected: Annotated[
        bool, typer.Option("--expected", help="Compare with the kept values; exit 1 where one has drifted.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the answers as expected values.")] = False,
    allow: Annotated[bool, typer.Option("--allow", help="Keep them beside those that are kept: they vary.")] = False,
    as_json: Json = False,
) -> None:
    """Measure behaviours in every cell, in a zoo of its own.

    One exhibit is told in sentences; of two you see what differs. Exit status: 0; 1 if an answer has drifted from the
    kept one; 2 for wrong usage; 3 if nothing can be measured, or Ctrl-C stopped it.
    """
    from gateway_zoo.commands import traits as command

    settings, form = environment_settings(), command.Form(as_json, as_markdown, html, short, evidence)
    choice = command.Choice(ids or [], names or [], front, quick, old)
    acts = {"--list": lists, "--diff": diff, "--expected": expected, "--keep": keep, "--allow": allow}
    given = [name for name, wanted in acts.items() if wanted]
    if len(given) > 1:
        fail(f"{given[0]} and {given[1]} do not go together", 2)
    if lists:
        raise typer.Exit(command.listed(settings, as_json))
    if diff:
        raise typer.Exit(command.diff(settings, *diff, choice, form))
    raise typer.Exit(command.run(settings, choice, form, keep=keep, allow=allow, expected=expected))


@app.command("class")
def for_a_class(
    clear: Annotated[bool, typer.Option("--clear-board", help="Remove all stickers from the board.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Show the addresses for a class, with a QR code."""
    from gateway_zoo.commands import class_ as command

    settings = running_settings()
    raise typer.Exit(command.clear_board(settings, yes, as_json) if clear else command.run(settings, as_json))


@app.command()
def news(ids: Ids = None, as_json: Json = False, nginx: Nginx = "", apache: Apache = "") -> None:
    """Measure four ways to hear news: polling to WebSocket."""
    from gateway_zoo.commands import news as command

    raise typer.Exit(command.run(running_settings(nginx, apache), ids, as_json, {"nginx": nginx, "apache": apache}))


@app.command()
def follow(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="ID [ID] [/PATH]",
            help="An exhibit, or two; FRONT:ID names the front, too.",
            autocompletion=_exhibits,
        ),
    ],
    via: Annotated[str, typer.Option(metavar="FRONT", help="nginx or apache; the first that is open.")] = "",
    method: Annotated[str, typer.Option("-X", "--method", help="GET; POST with --data.")] = "",
    headers: Annotated[
        list[str] | None, typer.Option("-H", "--header", metavar="'N: V'", help="Request header; at most 20.")
    ] = None,
    data: Annotated[str | None, typer.Option(metavar="TEXT", help="The body; at most 64 KiB.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show all that the program was given, and silent lines.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Follow one request: front, lines of configuration, gateway, program, and back. With two exhibits: side by side.

    Exit status: 0 if an answer came, whatever its status; 1 if none came, or it broke off; 2 for wrong usage; 3 if a
    cell is closed, a front is down, or no zoo runs.
    """
    from gateway_zoo.commands import follow as command

    options = {"every": every, "as_json": as_json}
    raise typer.Exit(command.run(running_settings(), words, via, method, headers or [], data, **options))


@app.command(cls=WireCommand)
def wire(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[ID] [/PATH]", help="An exhibit, and what to ask it: / by default.")
    ] = None,
    _: Annotated[str, typer.Option("--PROTOCOL", metavar="ADDRESS", help="Ask unix:PATH or HOST:PORT")] = "",
    via: Annotated[str, typer.Option(metavar="FRONT", help="Ask nginx or apache, and show what it sends.")] = "",
    diff: Annotated[
        bool,
        typer.Option("--diff", help="Compare two gateways: ID, nginx:ID, apache:ID or fastcgi:unix:/run/php.sock."),
    ] = False,
    program: Annotated[bool, typer.Option("--program", help="Run the CGI program itself, as CGI does.")] = False,
    method: Annotated[str, typer.Option("-X", "--method", help="GET; POST with --data.")] = "",
    data: Annotated[str | None, typer.Option(metavar="TEXT|@FILE", help="The body; @- reads standard input.")] = None,
    headers: Annotated[
        list[str] | None, typer.Option("-H", "--header", metavar="'N: V'", help="Request header; 'N:' removes it.")
    ] = None,
    params: Annotated[
        list[str] | None, typer.Option("--param", metavar="N=V", help="CGI variable: N=V sets, N= empties, N removes.")
    ] = None,
    ask: Annotated[str | None, typer.Option(metavar="NAME[=VALUE]", help="Ask another message; '' lists them")] = None,
    wait: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="The time for an answer: 10; at most 3600.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show the pieces as they come, until Ctrl-C; 16 MB at most.")
    ] = False,
    recording: Annotated[str, typer.Option("--show", metavar="FILE", help="List a recording; /PATH is a number.")] = "",
    pcap: Annotated[str, typer.Option(metavar="OUT", help="With --show: write it for Wireshark.")] = "",
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="FILE", help="Keep the bytes in a new recording; NAME.pcap: a pcap."),
    ] = "",
    body: Annotated[bool, typer.Option("--body", help="Print the body of the answer, and nothing else.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Show every field: lengths, paddings, long values.")] = False,
    dump: Annotated[bool, typer.Option("--hex", help="Show every byte below the fields.")] = False,
    secrets: Annotated[bool, typer.Option("--secrets", help="Show passwords and cookies.")] = False,
    as_json: Json = False,
) -> None:
    """Ask a gateway directly and name every byte.

    Exit status: 0 if the answer is whole, also with warnings; 1 if bytes are missing, surplus, not asked for or
    unreadable; 2 for wrong usage; 3 if nothing listens.
    """
    from gateway_zoo.wire.ask import command
    from gateway_zoo.wire.ask.options import Options

    foreign: dict[str, str] = ctx.meta.get("foreign", {})
    options = Options(
        words=words or [],
        foreign=foreign,
        via=via,
        ask=ask,
        wait=wait,
        watch=watch,
        recording=recording,
        pcap=pcap,
        method=method,
        data=data,
        headers=headers or [],
        params=params or [],
        diff=diff,
        output=output,
        body=body,
        program=program,
        every=every,
        dump=dump,
        secrets=secrets,
        as_json=as_json,
    )
    raise typer.Exit(command.run(running_settings(recording, *foreign.values()), options))


@app.command(cls=WireCommand)
def record(
    ctx: typer.Context,
    ids: Ids = None,
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="FILE", help="A new file; else $ZOO_RUN/wire.jsonl, overwritten."),
    ] = "",
    front: Annotated[list[str] | None, typer.Option(help="nginx or apache; none means both.")] = None,
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Record a gateway that is not the zoo's: unix:PATH or loopback.")
    ] = "",
    _: Annotated[str, typer.Option("--PROTOCOL", metavar="ADDRESS", help="With --listen: this gateway,")] = "",
    user: Annotated[str, typer.Option(metavar="NAME", help="With --listen: what root becomes; root needs it.")] = "",
    secrets: Annotated[bool, typer.Option(help="Record passwords and cookies too.")] = False,
    page: Annotated[
        bool, typer.Option("--page/--no-page", help="Show it in the visitor centre, or on a page of its own.")
    ] = False,
) -> None:
    """Record the bytes between fronts and gateways. Ctrl-C ends it.

    The command starts a second nginx and Apache, whose gateways' sockets lead through a relay. With --listen, it starts
    the relay alone, between a web server and a gateway of yours, and needs no zoo.
    """
    foreign: dict[str, str] = ctx.meta.get("foreign", {})
    if listen or foreign or user:
        from gateway_zoo.wire.recorder import between

        words = between.Words(listen, foreign, output, user, secrets, page, zoos=bool(ids or front))
        raise typer.Exit(between.run(environment_settings(), words))
    from gateway_zoo.wire.recorder import record as command

    raise typer.Exit(command.run(running_settings(), ids, front or [], output, secrets=secrets, page=page))


@app.command()
def replay(
    file: Annotated[str, typer.Argument(help="A recording.")],
    only: Annotated[
        list[int] | None, typer.Option(metavar="N", help="This exchange; `wire --show` has the numbers.")
    ] = None,
    to: Annotated[
        str, typer.Option(metavar="ID|PROTOCOL:ADDRESS", help="Ask another gateway: scgi, fastcgi:unix:/run/php.sock.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Send recorded requests again and compare the answers."""
    from gateway_zoo.wire.recorder import replay as command

    raise typer.Exit(command.run(running_settings(), file, only or [], to, as_json))


@app.command()
def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Exhibits, or FRONT:ID; none: typical ones.", autocompletion=_exhibits),
    ] = None,
    front: Annotated[str, typer.Option(metavar="FRONT", help="nginx or apache; the first that is open.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="A minute, six exhibits, indicative: the default.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Longer parts, more rounds, all exhibits.")] = False,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="The order of an earlier run.")] = None,
    busy: Annotated[bool, typer.Option("--busy", help="Measure on a busy machine, too.")] = False,
    ladder: Annotated[str, typer.Option(metavar="NAME", help="Servers that differ step by step; list: names.")] = "",
    limits: Annotated[
        list[str] | None, typer.Option("--assert", metavar="LIMIT", help="Such as 'wsgi.p99 < 50ms': else exit 1.")
    ] = None,
    old: Annotated[Path | None, typer.Option("--compare", metavar="OLD.json", help="Say what moved since.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with charts.")] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Json = False,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Measure what this machine can find, some minutes.")
    ] = False,
    nginx: Nginx = "",
    apache: Apache = "",
) -> None:
    """Measure speed and cost of exhibits, with intervals.

    Exit status: 0 if all were measured and all --assert hold; 1 if not; 2 for wrong usage; 3 if a tool is missing or
    the machine is busy.
    """
    from gateway_zoo.commands import bench as command

    if quick and full:
        fail("--quick or --full, not both", 2)
    if as_json and as_markdown:
        fail("--json or --markdown, not both", 2)
    form = "json" if as_json else "markdown" if as_markdown else "table"
    if self_test:
        if names or front or full or ladder or limits or old or html or nginx or apache:
            fail("--self-test starts a zoo of its own; it goes with --seed, --busy, --json and --markdown only", 2)
        raise typer.Exit(command.execute_self_test(running_settings(), seed, busy, form))
    if ladder and (names or front or nginx or apache):
        fail("a ladder has servers of its own: give it no exhibit and no front", 2)
    if ladder == "list":
        raise typer.Exit(command.list_ladders(form))
    from gateway_zoo.bench.zoo import Wanted

    wanted = Wanted(names or [], front, full=full, seed=seed, busy=busy, ladder=ladder)
    options = command.Options(wanted, form, html, limits or [], old)
    settings = environment_settings() if ladder else running_settings(nginx, apache)
    raise typer.Exit(command.execute(settings, options, {"nginx": nginx, "apache": apache}))


@app.command()
def ps(ids: Ids = None, as_json: Json = False) -> None:
    """Show the processes as a tree. With ids: only theirs."""
    from gateway_zoo.commands import ps as command

    raise typer.Exit(command.run(running_settings(), ids, as_json))


@app.command()
def top(as_json: Json = False) -> None:
    """Show the processes live: sort, open, restart, stop."""
    from gateway_zoo.commands import top as command

    raise typer.Exit(command.run(running_settings(), as_json))


@app.command()
def logs(
    ids: Ids = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Follow the logs.")] = False,
    count: Annotated[int, typer.Option("-n", min=1, help="Number of requests to show.")] = 20,
    as_json: Json = False,
) -> None:
    """Show each request as front and gateway logged it.

    `zoo logs centre` shows the faults of the visitor centre.
    """
    from gateway_zoo.commands import logs as command

    raise typer.Exit(command.run(running_settings(), ids, follow, count, as_json))


@app.command()
def config(front: Annotated[str, typer.Argument(help="nginx or apache")]) -> None:
    """Print the generated file of a front."""
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
    """Run the tests. --all: the slow ones too. Other words go to pytest."""
    from gateway_zoo.commands import test_suite

    raise typer.Exit(test_suite.run(environment_settings(), context.args))


@app.command()
def version(as_json: Json = False) -> None:
    """Show the version of every server."""
    from gateway_zoo.commands import version as command

    raise typer.Exit(command.run(environment_settings(), as_json))


@app.command("help")
def show_help(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="[COMMAND]...", help="Such as: lab c10k.")] = None,
) -> None:
    """Show the help of a command."""
    group = context.parent
    assert group is not None
    for word in words or []:
        if not isinstance(group.command, Commands):
            fail(f"'{group.info_name}' has no commands below it; zoo help {group.info_name} shows its help", 2)
        group = typer.Context(group.command.known(word), info_name=word, parent=group)
    typer.echo(group.get_help())


@app.command()
def completion(shell: Annotated[str, typer.Argument(help="bash, zsh or fish.")]) -> None:
    """Print what makes your shell complete commands."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # no public name has it

    if shell not in SHELLS:
        fail(f"no completion for '{shell}'; expected {', '.join(SHELLS[:-1])} or {SHELLS[-1]}", 2)
    typer.echo(get_completion_script(prog_name="zoo", complete_var=COMPLETE, shell=shell))


lab = typer.Typer(
    cls=Commands, no_args_is_help=True, rich_markup_mode=None, help="Experiments that end by themselves; see labs/."
)
app.add_typer(lab, name="lab")


def experiment(run: Callable[[], int]) -> NoReturn:
    """Run a lab and exit with its status. An interrupted lab has closed everything before it comes here."""
    try:
        raise typer.Exit(run())
    except KeyboardInterrupt:
        fail("interrupted; what the lab had opened is closed", 3)


@lab.command()
def c10k(
    connections: Annotated[int, typer.Option(min=1, max=20_000, help="Idle, then slow connections.")] = 1000,
    against: Annotated[str, typer.Option(metavar="FRONT,...", help="Fronts to fill.")] = "nginx,event,worker,prefork",
    seconds: Annotated[float, typer.Option(min=0.5, max=10, help="Seconds of visits to each.")] = 3,
    as_json: Json = False,
) -> None:
    """Measure what N connections cost a server and its visitors."""
    from gateway_zoo.lab import c10k as command

    experiment(lambda: command.run(environment_settings(), connections, against, seconds, as_json))


@lab.command()
def poll(
    descriptors: Annotated[int, typer.Option(min=2, max=100_000, help="Greatest number of descriptors.")] = 10_000,
    as_json: Json = False,
) -> None:
    """Wait for N descriptors with select, poll and epoll."""
    from gateway_zoo.lab import poll as command

    experiment(lambda: command.run(descriptors, as_json))


@lab.command()
def sockets(
    pings: Annotated[int, typer.Option(min=20, max=5000, help="Number of pings in each round.")] = 300,
    as_json: Json = False,
) -> None:
    """Compare one gateway on a unix socket and on TCP."""
    from gateway_zoo.lab import sockets as command

    experiment(lambda: command.run(environment_settings(), pings, as_json))


def main() -> None:
    """Run the command line. Ctrl-C ends it quietly; a reader that goes away (`zoo ls | head`) is no error."""
    write_anything()
    if COMPLETE in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    try:
        app(prog_name="zoo")
    except BrokenPipeError:
        sys.stderr.close()
