"""Every byte between a web server and a program, named. A protocol's own code is the `wire` in its cage.

Shared by all protocols, without I/O: faults.py (errors, limits), events.py, fields.py and shape.py (names of bytes),
meta_variables.py, heads.py, decoder.py. codecs.py finds the protocols; conversation.py joins the two directions of a
connection and the protocols inside protocols; recording.py and exchanges.py have the bytes that crossed. specimen.py
and labels.py are for the labels. ask/ is the client, view/ the terminal, recorder/ the relay, page/ the browser,
export/ Wireshark.
"""
