"""Scripts for Wireshark, made from the layout tables of the protocols that it does not know."""
