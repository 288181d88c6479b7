"""Labs: experiments that start what they need, and stop it again.

Each lab has a lesson below labs/. A lab sends load to 127.0.0.0/8 only, and leaves the running zoo alone. If it needs
servers, it starts a zoo of its own (keeper/own_zoo.py) that ends with the lab: Ctrl-C, SIGTERM, a hung-up terminal and
even SIGKILL of the lab leave no server behind.
"""
