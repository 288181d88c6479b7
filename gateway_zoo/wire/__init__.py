"""Every byte between a web server and a program, named.

A protocol's own decoder is in its cage; this package has what all protocols share. The decoding modules do no input or
output: faults, events, fields, shape, heads, meta_variables, decoder, body. codecs.py finds the cages' decoders,
conversation.py joins both directions of a connection and the protocols inside protocols, answers.py holds answers
against requests, foreign.py names bytes of another protocol, recording.py, exchange.py and exchanges.py keep what was
recorded. specimen.py and labels.py make the labels. ask/ is the client, view/ the terminal, recorder/ the relay, page/
the browser, export/ writes files for other tools.
"""
