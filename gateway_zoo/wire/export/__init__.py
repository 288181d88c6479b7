"""Files for other tools, made from the layout tables: Kaitai Struct, and Wireshark's Lua."""
