"""The development container is data for editors. No test runs it: these tests compare it with its format.

The allowed values are those of the published schema (containers.dev, devContainer.base.schema.json), as far as we use
them.
"""

import json
import re
from typing import Any

from zoo_in_test import ROOT

from gateway_zoo.settings import EXTRA_APACHES, Settings

TEXT, LIST, TABLE = str, list, dict
KEYS: dict[str, type] = {
    "name": TEXT,
    "image": TEXT,
    "containerUser": TEXT,
    "remoteUser": TEXT,
    "onCreateCommand": TEXT,  # a list or a table would be allowed, too
    "forwardPorts": LIST,
    "portsAttributes": TABLE,
    "otherPortsAttributes": TABLE,
}
ON_FORWARD = {"notify", "openBrowser", "openPreview", "silent", "ignore"}
ATTRIBUTES: dict[str, Any] = {"label": None, "onAutoForward": ON_FORWARD, "protocol": {"http", "https"}}


def the_file() -> dict[str, Any]:
    """Comments are allowed (whole lines are all that we have), commas at the end are not."""
    text = (ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    return found


def test_it_says_what_the_format_allows() -> None:
    found = the_file()
    assert found.keys() <= KEYS.keys()
    assert [key for key, value in found.items() if not isinstance(value, KEYS[key])] == []
    assert all(type(port) is int and 0 <= port <= 65535 for port in found["forwardPorts"])
    assert found["portsAttributes"].keys() <= {str(port) for port in found["forwardPorts"]}
    for attributes in (*found["portsAttributes"].values(), found["otherPortsAttributes"]):
        assert attributes.keys() <= ATTRIBUTES.keys()
        for name, value in attributes.items():
            assert isinstance(value, str), name
            assert not ATTRIBUTES[name] or value in ATTRIBUTES[name], value


def test_it_forwards_the_fronts_and_no_gateway_but_the_one_for_visitors() -> None:
    made = Settings(ROOT, ROOT)
    fronts = [made.nginx_port, made.apache_port, made.nginx_tls_port, made.apache_tls_port]
    extra_ports = [made.port(f"apache-{mpm}") for mpm in EXTRA_APACHES if mpm != "itk"]  # itk needs containers
    assert sorted(the_file()["forwardPorts"]) == sorted([*fronts, *extra_ports, 9090])


def test_its_image_is_the_one_of_the_zoo() -> None:
    assert f"FROM {the_file()['image']}\n" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
