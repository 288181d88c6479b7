"""What commands print: records in, lines of text out."""
