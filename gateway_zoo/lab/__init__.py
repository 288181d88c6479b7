"""Labs: experiments that end by themselves.

A lab starts what it needs and closes what it opened; its lesson is in labs/. It sends load to 127.0.0.0/8 only, and
never to the zoo that runs already. A lab that needs servers starts its own zoo (keeper/own_zoo.py), which ends with the
lab: after Ctrl-C, SIGTERM, a closed terminal and even SIGKILL no server remains.
"""
