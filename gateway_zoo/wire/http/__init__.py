"""HTTP/1.1 on h11: grammar.py (what a line looks like), faults.py (how it can be wrong), decoder.py, headers.py (what
they mean). The protocol's face, with fields and encoders, is wsgi/wire.py.
"""
