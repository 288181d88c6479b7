"""Read with limits; write only the zoo's own files.

bounded.py and bounded_file.py read at most so many bytes in so many seconds. own_files.py writes, links and removes
inside the run directory, follows no link, and touches no file of another owner.
"""
