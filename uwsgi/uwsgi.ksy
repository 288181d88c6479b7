# Generated from LAYOUT in uwsgi/wire.py by `python -m gateway_zoo.wire.export --write`: edit that, not this.
#
# Kaitai Struct, https://kaitai.io: `kaitai-struct-compiler -t python uwsgi.ksy`, or open it and a file with
# the bytes of one direction in https://ide.kaitai.io.
#
# A packet, and what follows it. Kaitai cannot look for a variable by its name, so it cannot find the one that
# counts the body, CONTENT_LENGTH: `rest` is the body and whatever the connection carries behind it.
# The answer is an HTTP response, ended by closing, and not described here.

meta:
  id: uwsgi
  title: "uwsgi packet"
  license: MIT
  ks-version: "0.9"
  endian: be
seq:
  - id: packet
    type: packet
  - id: rest
    size-eos: true
    doc: "All that follows: CONTENT_LENGTH bytes of body, then perhaps another packet."
types:
  packet:
    doc: "A packet: a request up to its body, or a message without variables."
    seq:
      - id: modifier1
        type: u1
        enum: modifier1
        doc: "The kind of packet: who shall answer (uwsgi packet header)."
      - id: datasize
        type: u2le
        doc: "Bytes that follow the header (uwsgi packet header)."
      - id: modifier2
        type: u1
        doc: "More about the kind; nearly always 0 (uwsgi packet header)."
      - id: data
        type:
          switch-on: modifier1
          cases:
            "modifier1::wsgi": variables
            "modifier1::psgi": variables
            "modifier1::lua_wsapi": variables
            "modifier1::rack": variables
            "modifier1::jvm": variables
            "modifier1::cgi": variables
            "modifier1::management": variables
            "modifier1::go": variables
            "modifier1::php": variables
            "modifier1::mono": variables
            "modifier1::spooler": variables
            "modifier1::symcall": variables
            "modifier1::ssi": variables
            "modifier1::xslt": variables
            "modifier1::v8": variables
            "modifier1::grid_fs": variables
            "modifier1::gluster_fs": variables
            "modifier1::fast_funcs": variables
            "modifier1::rados": variables
            "modifier1::wsgi_path_info_without_script_name": variables
            "modifier1::web_dav": variables
        size: datasize
        doc: "What the kind says: mostly variables (Packet descriptions)."
  variables:
    doc: "Names and values, one behind the other."
    seq:
      - id: vars
        type: variable
        repeat: eos
        doc: "The variables (The uwsgi vars)."
  variable:
    doc: "A name and its value."
    seq:
      - id: key_size
        type: u2le
        doc: "Bytes of the name (struct uwsgi_var)."
      - id: key
        type: str
        encoding: ISO-8859-1
        size: key_size
        doc: "The name (struct uwsgi_var)."
      - id: val_size
        type: u2le
        doc: "Bytes of the value (struct uwsgi_var)."
      - id: val
        type: str
        encoding: ISO-8859-1
        size: val_size
        doc: "The value (struct uwsgi_var)."
enums:
  modifier1:
    0: wsgi
    5: psgi
    6: lua_wsapi
    7: rack
    8: jvm
    9: cgi
    10: management
    11: go
    14: php
    15: mono
    17: spooler
    18: symcall
    19: ssi
    23: xslt
    24: v8
    25: grid_fs
    26: gluster_fs
    27: fast_funcs
    28: rados
    30: wsgi_path_info_without_script_name
    35: web_dav
    22: eval
    31: message
    32: array
    33: marshal
    48: snmp
    72: http
    73: announce
    74: multicast
    95: cluster
    96: log
    97: brutal_reload
    98: graceful_reload
    99: configuration
    100: ping
    101: echo
    109: legion
    110: signal
    111: cache
    123: corerouter
    173: rpc
    200: close
    224: subscription
    255: response
