"""One table of variables: what reads, writes or lists a variable agrees with it."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zoo_in_test import ROOT

from gateway_zoo.settings import VARIABLES, Settings, SettingsError, blocks, environment, port_variable, read_settings
from gateway_zoo.settings.__main__ import LISTS
from gateway_zoo.settings.variables import CONTAINERS, INTERNAL, NATIVE

NAMES = {variable.name for variable in VARIABLES}
ports = st.integers(1024, 32767)


@pytest.mark.parametrize("name", LISTS)
def test_the_list_in_a_file_is_that_of_the_table(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text == blocks.with_block(LISTS, name, text), "python -m gateway_zoo.settings writes it"


def test_the_defaults_of_the_table_are_those_of_the_record() -> None:
    settings = read_settings({"ZOO_RUN": "/run/zoo", "ZOO_ROOT": "/zoo"})
    assert settings == Settings(Path("/zoo"), Path("/run/zoo"))


@given(st.builds(
    Settings,
    root=st.just(Path("/zoo")),
    run=st.just(Path("/run/zoo")),
    nginx_port=ports,
    apache_tls_port=ports,
    worker_port=st.just(0) | ports,
    mpm=st.sampled_from(["event", "worker", "all"]),
    port_shift=st.integers(-30000, 30000),
    listen=st.sampled_from(["", "0.0.0.0", "192.0.2.7"]),  # noqa: S104 - a value
    bind=st.sampled_from(["127.0.0.1", "::1", "192.0.2.7"]),
    bridge=st.sampled_from(["", "10.213.77.1"]),
    gateway_hosts=st.sampled_from(["", "ajp=10.0.0.1 scgi-tcp=10.0.0.2"]),
    compose=st.booleans(),
    echo=st.booleans(),
))  # fmt: skip
def test_the_environment_of_settings_gives_the_same_settings(settings: Settings) -> None:
    assert read_settings(environment(settings)) == settings


def test_every_variable_of_the_code_is_in_the_table() -> None:
    """A variable is quoted in Python or follows a dollar sign; a name that Apache defines for itself is none."""
    quoted = re.compile(r'"(ZOO_[A-Z_]+)"|\$\{?(ZOO_[A-Z_]+)')
    sources = [
        *(ROOT / "gateway_zoo").rglob("*.py"),
        *(ROOT / "app").glob("*.py"),
        ROOT / "zoo",
        ROOT / "docker/healthy",
    ]
    sources += [ROOT / "docker-compose.yml"]
    used = {name for path in sources for found in quoted.findall(path.read_text("utf-8")) for name in found if name}
    compose = set(re.findall(r"^ +(ZOO_[A-Z_]+):", (ROOT / "docker-compose.yml").read_text("utf-8"), re.M))
    assert (used | compose) - NAMES == set()


def test_a_variable_for_users_is_listed_where_it_counts() -> None:
    readme, compose = ((ROOT / name).read_text("utf-8") for name in LISTS)
    for variable in VARIABLES:
        assert (f"`{variable.name}` |" in readme) == (variable.where != INTERNAL), variable.name
        assert (f"#   {variable.name} " in compose) == (variable.where not in (INTERNAL, NATIVE)), variable.name
        if variable.where == CONTAINERS:
            assert f"${{{variable.name}:-{variable.default}}}" in compose, "compose has the default of the table"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ZOO_NGINX_PORT", "80", "a number from 1024 to 32767"),
        ("ZOO_WORKER_PORT", "x", "a number from 1024 to 32767"),
        ("ZOO_PORT_SHIFT", "40000", "a number from -30000 to 30000"),
        ("ZOO_MPM", "winnt", "one of event, prefork, worker, itk, all"),
        ("ZOO_LISTEN", "::1", "an IPv4 address of this machine"),
        ("ZOO_BIND", "here", "an address of this machine, or 0.0.0.0"),
    ],
)
def test_a_wrong_value_is_told_with_its_name_and_what_is_possible(name: str, value: str, expected: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}={value}: expected {expected}"):
        read_settings({"ZOO_RUN": "/run/zoo", name: value})


def test_an_extra_apache_counts_its_port_from_the_first() -> None:
    environ = {"ZOO_RUN": "/run/zoo", "ZOO_APACHE_PORT": "9000", "ZOO_ITK_PORT": "9100"}
    settings = read_settings(environ)
    assert [settings.port(f"apache-{mpm}") for mpm in ("prefork", "worker", "itk")] == [9001, 9002, 9100]


def test_each_port_has_a_variable() -> None:
    listeners = ["nginx", "apache", "apache-itk", "nginx with TLS", "apache with TLS", "scgi-tcp"]
    shorts = [port_variable(listener).removeprefix("ZOO_") for listener in listeners]
    assert shorts == ["NGINX_PORT", "APACHE_PORT", "APACHE_PORT", "NGINX_TLS_PORT", "APACHE_TLS_PORT", "PORT_SHIFT"]
