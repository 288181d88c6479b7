"""The decoders of a connection: a pair, because an answer depends on its request."""

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.faults import LIMITS, Limits

from .requests import Requests
from .responses import Responses


def decoders(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Make the decoders of requests and of responses."""
    requests = Requests(limits)
    return requests, Responses(limits, requests)
