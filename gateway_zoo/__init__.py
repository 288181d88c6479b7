"""The keeper of the zoo, its commands and its measuring.

Each package here is a room, and imports only rooms below it (.importlinter has the order). The rooms read the registry
and name no cage; CONTRIBUTING.md lists the exceptions. Library code raises errors.Stop; only cli.py ends the process.
"""
