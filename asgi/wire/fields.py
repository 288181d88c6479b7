"""Names for the bytes of WebSocket, down to the bits."""

from collections.abc import Sequence

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.fields import Annotated, Field, text

from .frame import BEYOND, CLOSE, CODES, OPCODES, name_of, unmasked


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what ends the reading is a field with `fault`."""
    fields: list[Field] = []
    at = 0
    while at < len(data):
        at = _Frame(data, at, fields).name_it()
    return Annotated(fields, [])


class _Frame:
    """The fields of one frame. Several have the same byte, because its bits are the fields."""

    def __init__(self, data: bytes, at: int, fields: list[Field]) -> None:
        self.data, self.start, self.at, self.fields = data, at, at, fields
        self.length = 0

    def name_it(self) -> int:
        """Name the frame. Return the offset behind it, or the end of the data."""
        first = len(self.fields)
        parts = (self._bits, self._length, self._key, self._payload)
        whole = all(part() for part in parts)
        after = self.at if whole else len(self.data)
        size = f"{after - self.start} bytes" if whole else "cut off" if self.length < BEYOND else "without an end"
        name = name_of(self.data[self.start] & 15)
        frame = Field(self.start, after - self.start, name, size, "a frame", "RFC 6455 5.2", fault=not whole)
        self.fields.insert(first, frame)
        return after

    def _add(self, length: int, name: str, value: str, means: str, section: str = "5.2", fault: bool = False) -> None:
        self.fields.append(Field(self.at, length, name, value, means, f"RFC 6455 {section}", 1, fault=fault))

    def _bits(self) -> bool:
        byte = self.data[self.at]
        opcode = byte & 15
        self._add(1, "FIN", str(byte >> 7), "1: the message ends with this frame", "5.4")
        self._add(1, "RSV1", str(byte >> 6 & 1), "1: the message is compressed (RFC 7692 6), and shown as it is")
        self._add(1, "RSV2", str(byte >> 5 & 1), "reserved: 0")
        self._add(1, "RSV3", str(byte >> 4 & 1), "reserved: 0")
        self._add(1, "opcode", f"{opcode} ({OPCODES.get(opcode, 'reserved')})", "what the frame is", "5.2, 11.8")
        self.at += 1
        return self.at < len(self.data)

    def _length(self) -> bool:
        byte = self.data[self.at]
        self.masked, self.length = byte >> 7, byte & 127
        self._add(1, "MASK", str(self.masked), "1: the payload is masked, as every client must", "5.3")
        bits = {126: 16, 127: 64}.get(self.length, 7)
        means = "bytes of the payload" if bits == 7 else f"its length follows in {bits} bits"
        self._add(1, "Payload len", str(self.length), means)
        self.at += 1
        if bits == 7:
            return True
        raw = self.data[self.at : self.at + bits // 8]
        if len(raw) < bits // 8:
            return self._cut(f"Payload len ({bits})")
        self.length = int.from_bytes(raw, "big")
        means = "bytes of the payload" if self.length < BEYOND else "no length: its highest bit must be 0"
        self._add(len(raw), f"Payload len ({bits})", str(self.length), means, fault=self.length >= BEYOND)
        self.at += len(raw)
        return self.length < BEYOND

    def _key(self) -> bool:
        self.key = self.data[self.at : self.at + 4] if self.masked else b""
        if not self.masked:
            return True
        if len(self.key) < 4:
            return self._cut("Masking-key")
        self._add(4, "Masking-key", self.key.hex(" "), "the payload's bytes are XORed with these four, in turn", "5.3")
        self.at += 4
        return True

    def _cut(self, name: str) -> bool:
        if rest := len(self.data) - self.at:
            self.fields.append(Field(self.at, rest, name, "cut off", depth=1, fault=True))
        return False

    def _payload(self) -> bool:
        end = self.at + self.length
        raw = self.data[self.at : end]
        payload = unmasked(raw, self.key)
        if self.data[self.start] & 15 == CLOSE and len(payload) >= 2:
            code = int.from_bytes(payload[:2], "big")
            self._add(2, "Status code", str(code), CODES.get(code, "why the connection is closed"), "7.4")
            self.at += 2
            raw, payload = raw[2:], payload[2:]
            if raw:
                self._add(len(raw), "Reason", text(payload), "the same for people", "7.1.6")
        elif raw:
            self._add(len(raw), "Payload data", text(payload), "unmasked" if self.masked else "", "5.2")
        self.at += len(raw)
        return self.at == end
