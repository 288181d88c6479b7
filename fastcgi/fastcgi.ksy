# Generated from LAYOUT in fastcgi/wire.py by `python -m gateway_zoo.wire.export --write`: edit that, not this.
#
# Kaitai Struct, https://kaitai.io: `kaitai-struct-compiler -t python fastcgi.ksy`, or open it and a file with
# the bytes of one direction in https://ide.kaitai.io.
#
# One direction of a connection. A variable may begin in one PARAMS record and end in the next, so the content
# of PARAMS is bytes here: join what belongs to one request id, and parse that as the type `pairs`.
# STDIN, STDOUT, STDERR and DATA are pieces of streams: join them likewise.

meta:
  id: fastcgi
  title: "FastCGI records"
  license: MIT
  ks-version: "0.9"
  endian: be
seq:
  - id: records
    type: record
    repeat: eos
types:
  record:
    doc: "A record; a connection is nothing else, in both directions."
    seq:
      - id: version
        type: u1
        enum: version
        doc: "Always 1 (3.3)."
      - id: type
        type: u1
        enum: type
        doc: "The kind of record (3.3)."
      - id: request_id
        type: u2be
        doc: "Which request; 0: the connection itself (3.3)."
      - id: content_length
        type: u2be
        doc: "Bytes of content (3.3)."
      - id: padding_length
        type: u1
        doc: "Bytes to skip behind the content (3.3)."
      - id: reserved
        size: 1
        doc: "Section 3.3."
      - id: content_data
        type:
          switch-on: type
          cases:
            "type::begin_request": begin_request_body
            "type::end_request": end_request_body
            "type::get_values": pairs
            "type::get_values_result": pairs
            "type::unknown_type": unknown_type_body
        size: content_length
        doc: "What the type says (3.3)."
      - id: padding_data
        size: padding_length
        doc: "Ignored; aligns the next record (3.3)."
  begin_request_body:
    doc: "A request begins."
    seq:
      - id: role
        type: u2be
        enum: role
        doc: "What the application shall be (5.1)."
      - id: flags
        type: u1
        enum: flags
        doc: "Lowest bit: the connection stays open after the answer (5.1)."
      - id: reserved
        size: 5
        doc: "Section 5.1."
  end_request_body:
    doc: "The answer is complete."
    seq:
      - id: app_status
        type: u4be
        doc: "What a CGI program would give to exit() (5.5)."
      - id: protocol_status
        type: u1
        enum: protocol_status
        doc: "Did FastCGI itself succeed? (5.5)."
      - id: reserved
        size: 3
        doc: "Section 5.5."
  pairs:
    doc: "Names and values, one behind the other."
    seq:
      - id: pairs
        type: pair
        repeat: eos
        doc: "The names and values (3.4)."
  pair:
    doc: "A name and its value."
    seq:
      - id: name_length
        type: short_or_long
        doc: "Bytes of the name: one byte, or four with the highest bit set (3.4)."
      - id: value_length
        type: short_or_long
        doc: "Bytes of the value: one byte, or four likewise (3.4)."
      - id: name_data
        type: str
        encoding: ISO-8859-1
        size: name_length.value
        doc: "The name (3.4)."
      - id: value_data
        type: str
        encoding: ISO-8859-1
        size: value_length.value
        doc: "The value (3.4)."
  unknown_type_body:
    doc: "The application does not know a management record."
    seq:
      - id: type
        type: u1
        doc: "The type that it does not know (4.2)."
      - id: reserved
        size: 7
        doc: "Section 4.2."
  short_or_long:
    doc: "A length in one byte, or in four with the highest bit set."
    seq:
      - id: first
        type: u1
      - id: others
        type: b24
        if: "first >= 128"
    instances:
      value:
        value: "first < 128 ? first : ((first & 127) << 24) | others"
enums:
  version:
    1: fcgi_version_1
  type:
    1: begin_request
    2: abort_request
    3: end_request
    4: params
    5: stdin
    6: stdout
    7: stderr
    8: data
    9: get_values
    10: get_values_result
    11: unknown_type
  role:
    1: responder
    2: authorizer
    3: filter
  flags:
    0: close
    1: keep_conn
  protocol_status:
    0: request_complete
    1: cant_mpx_conn
    2: overloaded
    3: unknown_role
