"""Views for a terminal: an exchange field by field, two side by side, a recording as a list."""
