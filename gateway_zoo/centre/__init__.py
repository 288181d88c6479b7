"""The visitor centre: the zoo in a browser.

A page is a folder in pages/, found by a glob: page.py (its data, its text twin, its actions), page.html and page.js.
The frame around all pages (navigation, token, guard) is application.py with frame.html and public/. A page takes its
data from the functions of measure/, keeper/ and wire/ that the commands use: nothing is computed twice.
"""
