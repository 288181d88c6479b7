"""Every byte between a web server and a program, named. A protocol's own file is `wire.py` in its cage; here is what
all of them share, and what is built on them.

In this folder there is no I/O: faults.py (errors, limits), events.py (what a decoder says), fields.py and shape.py
(what the bytes are called), meta_variables.py, heads.py, decoder.py; wires.py finds the cages', talk.py joins both
directions of a connection and the protocols inside protocols; recording.py and exchanges.py say what was heard.
specimen.py and labels.py are for the labels. In ask/ is the client, in show/ the terminal, in recorder/ the relay, in
page/ the browser, in gifts/ what other tools get.
"""
