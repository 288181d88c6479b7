"""The addresses that `up` prints for a class."""

import socket
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gateway_zoo.commands import class_
from gateway_zoo.measure import class_addresses
from gateway_zoo.settings import Settings

FINDER = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]
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


def test_a_qr_code_is_read_back_as_the_address() -> None:
    rows = class_addresses.qr("http://192.168.1.7:8080/")
    assert {len(row) for row in rows} == {len(rows)}
    assert [row[:7] for row in rows[:7]] == FINDER  # ISO/IEC 18004, 6.3.3: in three corners
    assert [row[-7:] for row in rows[:7]] == [row[:7] for row in rows[-7:]] == FINDER
    picture = class_.drawn(rows)
    assert {len(line) for line in picture} == {len(rows) + 4}
    dark = sum(row.count("1") for row in rows)
    drawn_dark = sum({"█": 0, "▀": 1, "▄": 1, " ": 2}[sign] for line in picture for sign in line)
    assert drawn_dark in (dark, dark + len(rows) + 4)  # the last line may have half a row more


def test_networks_of_programs_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = psutil.net_if_addrs()["lo"][0]
    fakes = {"eth0": [entry._replace(address="10.0.0.5")], "docker0": [entry._replace(address="172.17.0.1")]}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: fakes)
    monkeypatch.setattr(class_addresses, "_is_bridge", lambda name: name == "docker0")
    monkeypatch.setattr(class_addresses, "_address_outward", lambda: "10.0.0.5")
    assert class_addresses.of_this_machine(replace(CLOSED, listen="0.0.0.0")) == ["10.0.0.5"]  # noqa: S104 - nothing listens
