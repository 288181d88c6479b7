"""Versions with known vulnerabilities: upstream's, Debian's revisions, and a distribution that is unknown."""

import pytest

from gateway_zoo.measure import old_versions
from gateway_zoo.registry import installed
from gateway_zoo.registry.cages import Registry


@pytest.mark.parametrize(
    ("apache", "nginx", "revision", "is_fixed", "texts"),
    [
        ("2.4.62", "1.30.1", "", False, []),
        ("2.4.29", "1.31.0", "", False, []),
        ("2.4.58", "1.30.1", "", False, ["Apache 2.4.58: mod_proxy_uwsgi 2.4.30 to 2.4.58"]),
        ("2.4.58", "1.30.1", "2.4.58-1", False, ["unless the distribution has fixed 2.4.58-1: unknown"]),
        ("2.4.59", "1.26.3", "1.26.3-3+deb13u1", False, ["(CVE-2026-42946), fixed in 1.26.3-3+deb13u6; this is"]),
        ("2.4.59", "1.26.3", "1.26.3-3+deb13u6", True, []),
        ("2.4.59", "1.24.0", "", False, ["nginx 1.24.0: its scgi and uwsgi modules"]),
    ],
)
def test_a_front_is_judged_by_its_version_or_by_its_package(
    monkeypatch: pytest.MonkeyPatch, apache: str, nginx: str, revision: str, is_fixed: bool, texts: list[str]
) -> None:
    outputs = {"apache2": f"Server version: Apache/{apache} (Debian)", "nginx": f"nginx version: nginx/{nginx}"}
    monkeypatch.setattr(installed, "apache", lambda: "apache2")
    monkeypatch.setattr(installed, "nginx", lambda: "nginx")
    monkeypatch.setattr(old_versions, "output_of", lambda argv: outputs.get(argv[0], revision))
    monkeypatch.setattr(old_versions, "_succeeds", lambda argv: is_fixed)
    problems = old_versions.find(Registry([]))
    assert len(problems) == len(texts)
    assert all(text in what for text, (what, _) in zip(texts, problems, strict=True))
