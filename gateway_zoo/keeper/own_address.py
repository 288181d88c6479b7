"""The address of a container that asks gateways as a front does, and must not be reached by them."""

import ipaddress
import socket

import psutil

from gateway_zoo.settings import Settings


def among_fronts(settings: Settings) -> str:
    """This container's address on the network of the fronts: no gateway reaches it there. Compose publishes it on
    127.0.0.1 only. Natively, and in a container that is not among the fronts, 127.0.0.1."""
    networks = [ipaddress.ip_network(text) for text in settings.status_allowed_from.split() if "/" in text]
    for addresses in psutil.net_if_addrs().values() if settings.compose else []:
        for each in addresses:
            if each.family == socket.AF_INET and any(ipaddress.ip_address(each.address) in net for net in networks):
                return each.address
    return "127.0.0.1"
