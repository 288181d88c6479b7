"""Labs: experiments that start what they need, end by themselves and close what they opened.

Each has a lesson below labs/. What they may not do: send load anywhere but to 127.0.0.0/8, or touch the zoo that runs
for everybody. A lab that needs servers starts a zoo of its own (private.py), whose life hangs on the lab's: Ctrl-C,
SIGTERM, a hung-up terminal and even SIGKILL of the lab leave no server behind.
"""
