"""The command line of `zoo wire`, as a record."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Options:
    """The command line as it was written. `foreign`: protocol -> address of a socket that is not the zoo's.
    `ask`: NAME or NAME=VALUE of another message; `wait`: seconds."""

    words: list[str]
    foreign: dict[str, str] = field(default_factory=dict)
    via: str = ""
    diff: bool = False
    output: str = ""
    body: bool = False
    program: bool = False
    ask: str | None = None
    wait: float | None = None
    watch: bool = False
    recording: str = ""
    pcap: str = ""
    method: str = ""
    data: str | None = None
    headers: list[str] = field(default_factory=list)
    params: list[str] = field(default_factory=list)
    every: bool = False
    dump: bool = False
    secrets: bool = False
    as_json: bool = False
