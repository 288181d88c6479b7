"""What the decoders of both directions do: they cut the bytes into packets."""

from typing import ClassVar

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.faults import TooLong

from .codes import HEADER, MAGIC
from .faults import BadMagic


class Packets(Decoder):
    """The base of both decoders."""

    WAITS_FOR = "the rest of a packet"
    DIRECTION: ClassVar[Direction]

    def _length_at(self, data: bytes, at: int) -> int:
        """Return the length of the packet at `at`, without its header. Raises BadMagic."""
        magic, length = HEADER.unpack_from(data, at)
        if magic != MAGIC[self.DIRECTION]:
            raise BadMagic(
                self.offset + at, data[at : at + HEADER.size], f"a packet that begins with {MAGIC[self.DIRECTION]!r}"
            )
        return int(length)

    def _behind(self, length: int, data: bytes, at: int) -> int:
        """Return the end of the packet at `at`. Raises TooLong before its bytes are waited for."""
        after = at + HEADER.size + length
        if after - at > self.limits.head:
            raise TooLong(self.offset + at, data[at:], f"a packet of at most {self.limits.head} bytes")
        return after
