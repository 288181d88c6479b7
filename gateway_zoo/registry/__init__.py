"""What is declared, what is installed, what will run.

cages.py reads every cage.toml (cagefile.py has the fields); installed.py and why_closed.py compare that with the
machine. plans.py makes the plan of one zoo: its families, cells and ports. No module here starts a process of the zoo
or opens a port.
"""
