"""Follow one request: from the browser through the front and the gateway to the program, and back.

lines.py has the records; nginx_lines.py and apache_lines.py read the configurations; way.py puts the stations together.
"""
