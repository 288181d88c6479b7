"""The keeper of the zoo, its commands and its measuring.

Each package here is a room, and imports only rooms below it (.importlinter has the order). No module names a cage: all
read the registry. Library code raises errors.Stop; only cli.py ends the process.
"""
