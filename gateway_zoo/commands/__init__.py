"""The commands of `zoo`, one file each.

A command reads the words of the command line, calls the rooms below, and prints. It imports no other command; cli.py
declares its options. What two commands share stands in measure/, keeper/ or tables/.
"""
