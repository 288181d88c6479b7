"""What a person sees in a terminal: an exchange field by field, two side by side, a recording as a list."""
