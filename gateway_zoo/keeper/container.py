"""The first thing in a container: makes the place ready for one server, then becomes it. `container.py [ARGV…]`

In compose the container is the supervisor and a service's command is the command of cage.toml. This does what the
keeper does natively just before it starts a family: a lock and no stale sockets, because most servers take the path of
a socket away from one that still answers there; and an environment with nothing in it that a gateway need not know.
A front has no ARGV: it gets its local.conf, and its command is the one it has natively.

The lock is a file beside the sockets. Its descriptor stays open in the server that we become, so the kernel gives it
back when the last process of the container is gone, however that ended.
"""

import os
import sys
from typing import NoReturn

from gateway_zoo.keeper import children, fronts, state, tls
from gateway_zoo.registry import installed, plans
from gateway_zoo.registry.plans import Plan
from gateway_zoo.serving import listen
from gateway_zoo.settings import SettingsError, read_settings

START = "compose/"  # and the service. Natively a token of each start; here a process belongs to its container


def main() -> NoReturn:
    """Exit 2 for a setting that cannot work, 3 if this family runs in another container."""
    name, argv = os.environ["ZOO_FAMILY"], sys.argv[1:]
    os.umask(0o027)
    try:
        settings = read_settings()
        os.set_inheritable(state.lock(settings.sockets / f"{name}.lock"), True)
        plan = plans.make(settings)
        clear_sockets(plan, name)
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except (state.Locked, listen.AddressInUse) as error:
        print(f"{name} runs in another container already ({error}); docker compose ps lists them", file=sys.stderr)
        sys.exit(3)
    if not argv:
        for stale in (settings.run / name).glob("*.pid"):  # Apache refuses to start while any process has that number
            stale.unlink()
        # What a killed Apache left for its own daemons, named by its pid. In a container the same number comes again,
        # and mod_cgid then removes the new socket for the old one.
        for stale in (*settings.sockets.glob(f"{name}-cgid.sock*"), *settings.sockets.glob(f"{name}-wsgi.*")):
            stale.unlink()
        if settings.tls_port(name):
            tls.make(settings)
        fronts.write(name, plan)
        argv = fronts.command(name, settings)
    os.execvpe(installed.versioned(argv[0]), argv, children.environment(settings, name, START + name))  # noqa: S606 - no shell is the point


def clear_sockets(plan: Plan, family: str) -> None:
    """Unlink what a killed server of this family left. Raises AddressInUse for a socket that answers."""
    for name in plan.registry.sockets(family) if family in plan.registry.families else []:
        listen.remove_stale(str(plan.settings.sockets / name))


if __name__ == "__main__":
    main()
