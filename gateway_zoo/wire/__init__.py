"""Every byte between a web server and a program, named. A protocol's own file is `wire.py` in its cage; here is what
all of them share, and what is built on them: client, relay, recordings, views.

No I/O: faults.py (errors, limits), events.py (what a decoder says), fields.py and shape.py (what the bytes are called),
meta_variables.py, talk.py (both directions of a connection, and protocols inside protocols). wires.py finds the cages'.
"""
