"""One file for each command: read words, call, print."""
