"""Prepare a container for one server, then become the server: `container.py [ARGV…]`.

In compose the container is the supervisor, and the command of a service is the command in cage.toml. This program does
what the keeper does natively just before it starts a family. It takes a lock and removes stale sockets, because most
servers take the path of a socket from a server that still answers there. It gives the server an environment of its own.
A front has no ARGV: it gets its local.conf, and the command that it has natively.

The lock is a file beside the sockets. Its descriptor stays open in the server, so the kernel releases it when the last
process of the container has ended, in whatever way.
"""

import os
import sys
from typing import NoReturn

from gateway_zoo.keeper import children, fronts, state, tls
from gateway_zoo.registry import installed, plans
from gateway_zoo.serving import listen
from gateway_zoo.settings import SettingsError, read_settings

START = "compose/"  # and the service; natively each start has a random token


def main() -> NoReturn:
    """Become the server. Exits 2 for an impossible setting, 3 if the family runs in another container."""
    name, argv = os.environ["ZOO_FAMILY"], sys.argv[1:]
    os.umask(0o027)
    try:
        settings = read_settings()
        os.set_inheritable(state.lock(settings.sockets / f"{name}.lock"), True)
        plan = plans.make(settings)
        children.clear(plan, name)
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except (state.Locked, listen.AddressInUse) as error:
        print(f"{name} runs in another container already ({error}); docker compose ps lists them", file=sys.stderr)
        sys.exit(3)
    if not argv:
        # Sockets of a killed Apache for its daemons, named by its pid. In a container the same pid comes again, and
        # mod_cgid then removes the new socket in place of the old one.
        for stale in (*settings.sockets.glob(f"{name}-cgid.sock*"), *settings.sockets.glob(f"{name}-wsgi.*")):
            stale.unlink()
        if settings.tls_port(name):
            tls.make(settings)
        fronts.write(name, plan)
        argv = fronts.command(name, settings)
    os.execvpe(installed.versioned(argv[0]), argv, children.environment(settings, name, START + name))  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main()
