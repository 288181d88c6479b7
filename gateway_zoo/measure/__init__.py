"""Ask a running zoo, and change nothing.

A module here sends requests or reads /proc, and returns records. It prints nothing, so commands and pages can both call
it. Times are in ms, sizes in bytes, unless a name says otherwise.
"""
