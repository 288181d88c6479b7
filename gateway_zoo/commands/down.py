"""`down`: stop the zoo of this run directory."""

import os

from gateway_zoo.errors import fail
from gateway_zoo.keeper import client, leftovers, privileges, process, run_directory, state
from gateway_zoo.settings import Settings


def run(settings: Settings) -> int:
    """Stop the keeper, then end what a killed keeper has left.

    Neither the keeper nor the directory need exist. Nothing is removed in a directory that is not the zoo's.
    """
    settings.only_natively("in containers Compose stops the zoo: docker compose down")
    privileges.become_owner(settings)
    refused = run_directory.refusal(settings)
    was_running = bool(process.keepers(settings.run)) or (not refused and state.running(settings))
    lock = client.lock_when_stopped(settings, usable=not refused)
    ended = process.end(None, set(), settings.run, everything=True)
    if lock is not None:
        leftovers.clean(settings)
        os.close(lock)
    if refused and not was_running and not ended:
        fail("; ".join(refused), 3)
    print("stopped" if was_running else "no zoo was running" + (f"; ended {ended} leftovers" if ended else ""))
    return 0
