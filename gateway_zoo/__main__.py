"""`python -m gateway_zoo`: the command line."""

from gateway_zoo.cli import main

main()
