"""Messages and tables for people, JSON for programs.

messages.py writes the messages on standard error and the JSON on standard output. tables.py and columns.py draw tables.
Only commands, labs and the wire's views print.
"""
