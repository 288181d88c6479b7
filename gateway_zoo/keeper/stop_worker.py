"""Ask the keeper to stop one process of a family with SIGKILL, so that its death and its return can be seen."""

import msgspec

from gateway_zoo.keeper import client
from gateway_zoo.settings import Settings

IN_CONTAINERS = "the zoo does not stop processes in containers: docker compose kill {service}"


class Stopped(msgspec.Struct, frozen=True):
    """The process that got the signal. `place`: among its family's processes, the oldest is 1 (families.py)."""

    family: str
    place: int
    pid: int


class NotStopped(Exception):
    """The keeper stopped nothing; says why."""


def stop_worker(settings: Settings, family: str, place: int) -> Stopped:
    """Send SIGKILL to the process at a place of a family, or of a front. The keeper takes the pid from its own list.

    Raises NotStopped: no such family or place, no keeper, or the zoo runs in containers.
    """
    if settings.compose:
        raise NotStopped(IN_CONTAINERS.format(service=family))
    answer = client.ask(settings, {"do": "stop-worker", "family": family, "place": place})
    if "error" in answer:
        raise NotStopped(str(answer["error"]))
    return msgspec.convert(answer["stopped"], Stopped)
