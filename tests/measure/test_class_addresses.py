"""The addresses that `up` prints for a class."""

import socket
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gateway_zoo.measure import class_addresses
from gateway_zoo.settings import Settings

CLOSED = Settings(Path("/zoo"), Path("/run/zoo"))


@pytest.mark.parametrize("listen", ["", "127.0.0.1", "127.0.1.1"])
def test_a_zoo_for_this_machine_only_has_none(listen: str) -> None:
    assert class_addresses.of_this_machine(replace(CLOSED, listen=listen)) == []


def test_one_address_is_itself() -> None:
    assert class_addresses.of_this_machine(replace(CLOSED, listen="10.1.2.3")) == ["10.1.2.3"]


def test_all_addresses_are_the_machines_own() -> None:
    found = class_addresses.of_this_machine(replace(CLOSED, listen="0.0.0.0"))  # noqa: S104 - nothing listens
    every = [e.address for entries in psutil.net_if_addrs().values() for e in entries if e.family == socket.AF_INET]
    assert set(found) <= set(every) - {"127.0.0.1"}
    assert len(found) == len(set(found))


def test_networks_of_programs_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = psutil.net_if_addrs()["lo"][0]
    fakes = {"eth0": [entry._replace(address="10.0.0.5")], "docker0": [entry._replace(address="172.17.0.1")]}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: fakes)
    monkeypatch.setattr(class_addresses, "_is_bridge", lambda name: name == "docker0")
    monkeypatch.setattr(class_addresses, "_address_outward", lambda: "10.0.0.5")
    assert class_addresses.of_this_machine(replace(CLOSED, listen="0.0.0.0")) == ["10.0.0.5"]  # noqa: S104 - nothing listens
