#!/usr/bin/env -S python3 -I -S
"""The app's answer to a ping, from a program that imports nothing."""

print("Content-Type: text/plain; charset=utf-8\nContent-Length: 5\n\npong")
