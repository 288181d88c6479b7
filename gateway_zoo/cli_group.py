"""How commands are found and listed, and the options of `wire` and `record` that the protocols give it."""

import copy
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from gateway_zoo.errors import Stop, fail, nearest
from gateway_zoo.settings import Settings, SettingsError, read_settings
from gateway_zoo.terminal.messages import say

#: Command -> words that people try, and mean it.
TRIED = {
    "up": "start run serve",
    "down": "stop halt kill quit",
    "ls": "list exhibits",
    "logs": "log tail",
    "ps": "processes",
    "status": "info",
    "restart": "reload",
    "lab": "benchmark",
    "wire": "trace",
    "record": "sniff",
    "doctor": "fix",
}
MEANT = {word: command for command, words in TRIED.items() for word in words.split()}


class Commands(TyperGroup):
    """A group of commands. It corrects wrong names, says why a command stopped, and lists whole sentences."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Stop as stop:
            say(stop.text)
            raise typer.Exit(stop.status) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        self.known(args[0])
        return super().resolve_command(ctx, args)

    def known(self, name: str) -> Any:
        """The command with this name. Raises Stop with the nearest."""
        if name not in self.commands:
            meant = MEANT.get(name, "") if MEANT.get(name) in self.commands else ""
            hint = f"did you mean '{meant}'?" if meant else nearest(name, list(self.commands), "zoo --help lists them")
            fail(f"unknown command '{name}'; {hint}", 2)
        return self.commands[name]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands; a sentence that is longer than the line goes on in the next one."""
        rows = [(name, self.commands[name].get_short_help_str(1000)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def environment_settings() -> Settings:
    try:
        return read_settings()
    except (SettingsError, KeyError) as error:
        fail(str(error), 2)


class WireCommand(TyperCommand):
    """Gives `wire` and `record` what the protocols give them: an option for each protocol that a gateway speaks on its
    socket (--scgi ADDRESS), and the names of the messages that --ask knows."""

    def get_params(self, ctx: Any) -> Any:
        first = next((index for index, param in enumerate(self.params) if "--PROTOCOL" in param.opts), None)
        if first is not None:
            from gateway_zoo.registry.cages import load
            from gateway_zoo.wire.ask import messages
            from gateway_zoo.wire.codecs import Codecs

            codecs = Codecs(load(environment_settings().root))
            self.params[first : first + 1] = [_socket_option(self.params[first], name) for name in codecs.with_port()]
            for ask in (param for param in self.params if "--ask" in param.opts):
                ask.help = f"{ask.help}. {messages.listed(codecs)}".strip()  # type: ignore[attr-defined]
        return super().get_params(ctx)


def _socket_option(pattern: Any, protocol: str) -> Any:
    """Make an option after the pattern's; what it is given is put into the context, by the protocol's name."""

    def note(ctx: Any, _: Any, address: str) -> None:
        ctx.meta.setdefault("foreign", {}).update({protocol: address} if address else {})

    option = copy.copy(pattern)
    option.name, option.opts = f"socket_{protocol}", [f"--{protocol.lower()}"]
    option.help, option.callback, option.expose_value = f"{option.help} in {protocol}.", note, False
    return option
