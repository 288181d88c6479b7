# Generated from LAYOUT in scgi/wire.py by `python -m gateway_zoo.wire.export --write`: edit that, not this.
#
# Kaitai Struct, https://kaitai.io: `kaitai-struct-compiler -t python scgi.ksy`, or open it and a file with
# the bytes of one direction in https://ide.kaitai.io.
#
# A request. The answer is a CGI response, ended by closing, and not described here.
# That CONTENT_LENGTH is the first header is SCGI's rule (section 3) and not checked here, nor that it has
# only digits, that SCGI is 1 and that no name stands twice.

meta:
  id: scgi
  title: "SCGI request"
  license: MIT
  ks-version: "0.9"
  endian: be
seq:
  - id: head
    type: head
  - id: body
    size: "head.headers.entries[0].value.to_i"
    doc: "As many bytes as the first header, CONTENT_LENGTH, says."
types:
  head:
    doc: "A request up to its body."
    seq:
      - id: length
        type: str
        encoding: ASCII
        terminator: 58
        valid:
          expr: "_.to_i.to_s == _"
        doc: "Bytes of the headers (Netstrings)."
      - id: headers
        type: head_headers
        size: length.to_i
        doc: "CONTENT_LENGTH first (SCGI 3)."
      - id: comma
        contents: [44]
        doc: "Ends the headers (Netstrings)."
  header:
    doc: "A name and its value."
    seq:
      - id: name
        type: strz
        encoding: ISO-8859-1
        doc: "The name, ended by NUL; never empty (SCGI 3)."
      - id: value
        type: strz
        encoding: ISO-8859-1
        doc: "The value, ended by NUL (SCGI 3)."
  head_headers:
    seq:
      - id: entries
        type: header
        repeat: eos
