"""The screen of `zoo top`: a line for each family, below an open family its processes, and the last events.

The looks, and whatever is done to the zoo, run in threads: the keys answer at once. A signal ends the screen as `q`
does, so that the terminal is whole afterwards.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, DataTable, Footer, Label, Static

from gateway_zoo.errors import Stop, printable
from gateway_zoo.keeper import restart, state
from gateway_zoo.keeper.stop_worker import NotStopped, stop_worker
from gateway_zoo.measure import process_tree
from gateway_zoo.measure.population import Event, Family, Process, Snapshot
from gateway_zoo.measure.population_watch import Watch
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings

LOOK_S = 1.0
EVENTS = 3  # lines
UNTOUCHED = ("keeper", "sentinel", "?")
OWN = ("sort", "open", "open_all", "restart", "stop")
#: Name of a column -> its width, and the value of a family by which it sorts (None: the order of the start).
COLUMNS: dict[str, tuple[int, Callable[[Family], float | str] | None]] = {
    "family": (21, None),
    "pid": (7, lambda family: -family.rows[0].pid if family.rows else 0),
    "threads": (7, lambda family: family.threads),
    "PSS MB": (6, lambda family: family.pss or 0),
    "CPU %": (5, lambda family: family.cpu or 0),
    "requests": (8, lambda family: family.requests or 0),
    "age": (6, lambda family: time.time() - min((row.born for row in family.rows), default=time.time())),
}


class Question(ModalScreen[bool]):
    """Asks, and returns whether the answer is yes."""

    BINDINGS: ClassVar = [("y", "answer(True)", "Yes"), ("n,escape,q", "answer(False)", "No")]
    CSS = """
    Question { align: center middle; }
    Question > Vertical { width: 64; height: auto; border: round $accent; padding: 1 2; background: $surface; }
    Question Horizontal { height: auto; margin-top: 1; } Question Button { margin-right: 2; }
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._text, markup=False)
            with Horizontal():
                yield Button("No (n)", id="no")
                yield Button("Yes (y)", id="yes", variant="warning")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)


class Top(App[int]):
    """The screen. Its return value is the exit status of the command."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #sums { height: 1; background: $primary-background; padding: 0 1; }
    DataTable { height: 1fr; }
    #events { height: 3; padding: 0 1; color: $text-muted; }
    """
    BINDINGS: ClassVar = [
        Binding("ctrl+c", "quit", show=False, priority=True),
        ("q", "quit", "Quit"),
        ("s", "sort", "Sort"),
        Binding("space", "open", "Open", key_display="⏎"),
        ("a", "open_all", "All"),
        ("r", "restart", "Restart"),
        ("k", "stop", "Stop process"),
    ]

    def __init__(self, settings: Settings, watch: Watch) -> None:
        super().__init__()
        self._settings, self._watch = settings, watch
        self._snapshot: Snapshot | None = None
        self._opened: set[str] = set()
        self._sorted_by = "family"

    # --- life ---------------------------------------------------------------------------------------------------------

    def on_load(self) -> None:
        """Before the terminal changes its mode, take the signals that would leave it so."""
        loop = asyncio.get_running_loop()
        for number, status in {signal.SIGINT: 0, signal.SIGTERM: 128 + 15, signal.SIGHUP: 128 + 1}.items():
            loop.add_signal_handler(number, self.exit, status)

    def compose(self) -> ComposeResult:
        yield Static("Reading …", id="sums", markup=False)
        table: DataTable[Text] = DataTable(cursor_type="row", id="table")
        yield table
        yield Static("", id="events", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        for name, (width, _) in COLUMNS.items():
            label = Text(name, justify="left" if name == "family" else "right")
            self._table.add_column(label, width=width, key=name)
        self.set_interval(LOOK_S, self._look)
        self._look()

    @property
    def _table(self) -> "DataTable[Text]":
        return self.query_one("#table", DataTable)

    @work(thread=True, exclusive=True)
    def _look(self) -> None:
        snapshot = self._watch.look()
        self.call_from_thread(self._show, snapshot)

    # --- drawing ------------------------------------------------------------------------------------------------------

    def _show(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        size = "" if snapshot.pss is None else f", {snapshot.pss / 1e6:.0f} MB"
        sums = f"{snapshot.processes} processes, {snapshot.threads} threads{size} in {len(snapshot.families)} families"
        order = "by start" if self._sorted_by == "family" else f"by {self._sorted_by}"
        self.query_one("#sums", Static).update(snapshot.why or f"{sums}, {order}")
        self.query_one("#events", Static).update("\n".join(map(_event, reversed(snapshot.events[-EVENTS:]))))
        rows = dict(self._rows(snapshot))
        table = self._table
        if [key.value for key in table.rows] == list(rows):
            for key, texts in rows.items():
                for name, text in zip(COLUMNS, texts, strict=True):
                    if table.get_cell(key, name) != text:
                        table.update_cell(key, name, text)
        else:
            chosen, scrolled = self._chosen(), table.scroll_y
            table.clear()
            for key, texts in rows.items():
                table.add_row(*texts, key=key)
            if chosen in rows:
                table.move_cursor(row=list(rows).index(chosen), scroll=False)
            table.scroll_to(y=scrolled, animate=False)

    def _rows(self, snapshot: Snapshot) -> Iterator[tuple[str, list[Text]]]:
        """The key of each line, and its texts. A key is the family, or the family and a pid."""
        families, value = snapshot.families, COLUMNS[self._sorted_by][1]
        for family in sorted(families, key=value, reverse=True) if value else families:
            is_open = family.name in self._opened
            yield family.name, _family(family, is_open)
            for row in family.rows if is_open else []:
                yield f"{family.name} {row.pid}", _process(row)

    def _chosen(self) -> str:
        table = self._table
        return str(list(table.rows)[table.cursor_row].value) if table.row_count else ""

    def _chosen_family(self) -> tuple[Family | None, Process | None]:
        name, _, pid = self._chosen().partition(" ")
        families = self._snapshot.families if self._snapshot else []
        family = next((family for family in families if family.name == name), None)
        rows = family.rows if family else []
        return family, next((row for row in rows if str(row.pid) == pid), None)

    # --- keys ---------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a question is open, no other one is."""
        return action not in OWN or not isinstance(self.screen, Question)

    async def action_quit(self) -> None:
        self.exit(0)

    def action_sort(self) -> None:
        names = list(COLUMNS)
        self._sort_by(names[(names.index(self._sorted_by) + 1) % len(names)])

    def on_data_table_header_selected(self, event: "DataTable.HeaderSelected") -> None:
        self._sort_by(str(event.column_key.value))

    def on_data_table_row_selected(self, _: "DataTable.RowSelected") -> None:
        self.action_open()

    def _sort_by(self, name: str) -> None:
        self._sorted_by = name
        self._redraw()

    def action_open(self) -> None:
        family, _ = self._chosen_family()
        if family:
            self._opened ^= {family.name}
            self._redraw()

    def action_open_all(self) -> None:
        names = {family.name for family in self._snapshot.families} if self._snapshot else set()
        self._opened = set() if self._opened >= names else names
        self._redraw()

    def _redraw(self) -> None:
        if self._snapshot:
            self._show(self._snapshot)

    def action_restart(self) -> None:
        family, _ = self._chosen_family()
        if family is None:
            return
        if family.name in UNTOUCHED:
            self.notify(f"The {family.name} is not started again alone; ./zoo down and ./zoo up do that.", markup=False)
            return
        child = restart.child_of(load(self._settings.root), family.name)
        where = "" if child == family.name else f" {family.name} runs inside it."
        self._after(f"Restart {child}?{where}", lambda: f"restarted {restart.restart(self._settings, _word(family))}")

    def action_stop(self) -> None:
        family, row = self._chosen_family()
        if family is None or row is None:
            self.notify("Open a family, and choose one of its processes.", markup=False)
            return
        text = f"Stop {row.role} {row.pid} of {family.name} with SIGKILL? Requests in it are lost."
        self._after(text, lambda: self._stopped(family.name, row))

    def _stopped(self, family: str, row: Process) -> str:
        """Stop a process that still has its place."""
        running = state.of_running(self._settings)
        for each in process_tree.collect(self._settings, running) if running else []:
            if (each.exhibit, each.pid, round(each.born, 1)) == (family, row.pid, row.born) and each.place:
                stopped = stop_worker(self._settings, family, each.place)
                return f"stopped {stopped.pid} of {family}"
        raise NotStopped(f"{row.pid} of {family} has ended already, or is none that the keeper stops")

    def _after(self, question: str, act: Callable[[], str]) -> None:
        """Ask; after a yes do something, and show in words how it went."""

        def answered(yes: bool | None) -> None:
            if yes:
                self._do(act)

        self.push_screen(Question(question), answered)

    @work(thread=True, group="acts")
    def _do(self, act: Callable[[], str]) -> None:
        try:
            text, severity = act(), "information"
        except Stop as problem:
            text, severity = problem.text, "error"
        except NotStopped as problem:
            text, severity = str(problem), "error"
        self.call_from_thread(self.notify, text, severity=severity, markup=False)


def _word(family: Family) -> str:
    """The word by which `zoo restart` knows a family: an exhibit of it, or its own name."""
    return family.exhibits[0] if family.exhibits and family.name not in family.exhibits else family.name


def _family(family: Family, is_open: bool) -> list[Text]:
    count = f" {len(family.rows)}" if len(family.rows) > 1 else ""
    name = Text(f"{'▾' if is_open else '▸'} {printable(family.name)}", style="bold")
    name.append(count, style="dim")
    born = min((row.born for row in family.rows), default=time.time())
    return [name, *_figures(family, str(family.rows[0].pid) if len(family.rows) == 1 else "", born)]


def _process(row: Process) -> list[Text]:
    return [Text(f"    {'  ' * row.depth}{printable(row.role)}"), *_figures(row, str(row.pid), row.born)]


def _figures(use: Family | Process, pid: str, born: float) -> list[Text]:
    pss = "-" if use.pss is None else f"{use.pss / 1e6:.1f}"
    cpu = "-" if use.cpu is None else f"{use.cpu * 100:.0f}"
    texts = (pid, str(use.threads), pss, cpu, "-" if use.requests is None else str(use.requests), _age(born))
    return [Text(text, justify="right") for text in texts]


def _age(born: float) -> str:
    seconds = max(0.0, time.time() - born)
    for unit, length, most in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < most:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def _event(event: Event) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(event.at))
    return f"{clock} {printable(event.family)} {event.pid} {event.kind}: {printable(event.words)}"
