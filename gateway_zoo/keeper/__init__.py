"""Start, watch and end the processes of the zoo.

supervisor.py is the keeper itself: it starts the families, and starts again those that die. The other modules find
ports and processes, write what a front needs, and keep the run directory. The keeper imports no command and prints
nothing.
"""
