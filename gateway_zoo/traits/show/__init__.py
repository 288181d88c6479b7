"""The outputs of a matrix: lines for a terminal and for curl, Markdown, and a report in one file of HTML.

Each is a function from records to text. Nothing is measured here, and nothing is printed.
"""
