"""The load generators, and what is made of their figures."""

import os
import signal
import subprocess

import pytest
from servers_in_test import answering, fine, stalling, tools_or_skip

from gateway_zoo.bench import h2load, tools, wrk
from gateway_zoo.bench.h2load import Answered
from gateway_zoo.commands import up
from gateway_zoo.errors import Stop
from gateway_zoo.registry import installed

TOOLS = tools_or_skip()


def test_the_tools_have_versions() -> None:
    assert [tool.name for tool in TOOLS.versions()] == ["wrk", "h2load", "hdrhistogram"]
    assert all(tool.version[:1].isdigit() for tool in TOOLS.versions())


def test_a_missing_tool_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "program", lambda name: None if name == "h2load" else "/usr/bin/wrk")
    with pytest.raises(Stop) as stop:
        tools.find()
    cure = "sudo apt-get install -y nghttp2-client, or as root ./zoo up --with bench"
    assert (stop.value.text, stop.value.status) == (f"h2load is not installed; {cure}", 3)


def test_the_limits_are_known_before(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = {"ip_local_port_range": "32768\t60999", "tcp_tw_reuse": "0"}
    monkeypatch.setattr(tools, "_kernel", kernel.__getitem__)
    tools.refuse_what_does_not_fit(8, tcp_gateways=False)
    with pytest.raises(Stop, match=r"1200008 ports .* 28232; sysctl net.ipv4.tcp_tw_reuse=2"):
        tools.refuse_what_does_not_fit(8, tcp_gateways=True)
    kernel["tcp_tw_reuse"] = "2"
    tools.refuse_what_does_not_fit(8, tcp_gateways=True)
    with pytest.raises(Stop, match="descriptors"):
        tools.refuse_what_does_not_fit(1 << 40, tcp_gateways=False)


def test_a_busy_machine_is_refused_unless_allowed() -> None:
    tools.refuse_busy(0.1, allowed=False)
    tools.refuse_busy(0.9, allowed=True)
    with pytest.raises(Stop, match=r"90% of the processors .* --busy allows it"):
        tools.refuse_busy(0.9, allowed=False)


def test_busy_is_measured_not_remembered() -> None:
    burn = subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"])
    try:
        assert 0 < tools.busy(0.3) <= 1
    finally:
        burn.kill()
        burn.wait()


@pytest.mark.parametrize("url", ["http://192.0.2.1/", "https://localhost/", "http://nginx:8080/", "http://[::2]/"])
def test_only_loopback_gets_load(url: str) -> None:
    with pytest.raises(Stop, match="is not on this machine"):
        tools.refuse_address(url, compose=False)
    tools.refuse_address("http://127.0.0.1:8080/x", compose=False)
    tools.refuse_address("http://nginx:8080/", compose=True)


# --- capacity --------------------------------------------------------------------------------------------------------


def test_wrk_counts_answers_and_refusals() -> None:
    looks = []
    with answering(lambda number: (500 if number % 10 == 0 else 200, b"ok\n")) as url:
        load = wrk.run(TOOLS.wrk, url, 0.6, connections=2, threads=1, meanwhile=lambda: looks.append(1))
    assert not load.why
    assert looks
    assert load.seconds < wrk.SPARE_S, "SIGINT ends it early"
    assert load.requests / 10 - 3 <= load.non_2xx <= load.requests / 10 + 3
    assert load.cpu_s > 0
    nothing = wrk.run(TOOLS.wrk, url, 0.2, connections=2, threads=1)
    assert nothing.why.startswith("wrk: "), "nothing listens any longer"


# --- latency ---------------------------------------------------------------------------------------------------------


def test_waits_count_from_the_intended_send() -> None:
    """At 10/s a request is due every 100,000 us. The second takes 250,000 us, so the next two are sent late."""
    rows = [
        Answered(1_000_000, 200, 5_000),
        Answered(1_100_000, 200, 250_000),  # until 1,350,000
        Answered(1_350_000, 200, 5_000),  # due at 1,200,000
        Answered(1_355_000, 200, 5_000),  # due at 1,300,000
        Answered(1_400_900, 200, 5_000),  # h2load's timer was late, the connection was free: no wait for the server
        Answered(1_500_000, 500, 5_000),  # no answer that counts
    ]
    assert h2load.intended(rows, 10) == [5_000, 250_000, 155_000, 60_000, 5_000]


def test_a_stall_of_a_second_is_in_the_p99() -> None:
    """h2load itself counts from the real send: while the server stalls, each connection has one slow request only, and
    the requests that were due meanwhile look quick."""
    rate, connections, each = 400.0, 5, 200
    with answering(stalling(at=300, seconds=1.0)) as url:
        logs = h2load.answers(TOOLS.h2load, url, rate, connections, each)
    waits = [wait for rows in logs for wait in h2load.intended(rows, rate / connections)]
    ours = h2load.figures(rate, h2load.histogram_of(waits))
    naive = h2load.figures(rate, h2load.histogram_of(row.took for rows in logs for row in rows))
    assert ours.requests == naive.requests == connections * each
    assert ours.p99_ms
    assert naive.p99_ms
    assert ours.p99_ms > 700, "a third of the requests was due while the server stalled"
    assert naive.p99_ms < ours.p99_ms / 2, "five slow requests of a thousand are no p99"


def test_percentiles_need_ten_requests_above_them() -> None:
    few = h2load.figures(100, h2load.histogram_of(range(1000, 20_000, 1000)))
    assert (few.p50_ms, few.p99_ms, few.requests) == (None, None, 19)
    assert few.why == "p50 needs 20 requests, p99 needs 1000 requests, p99.9 needs 10000 requests; there are 19"
    many = h2load.figures(100, h2load.histogram_of(range(1, 10_001)))
    assert many.p50_ms == pytest.approx(5.0, rel=0.002)
    assert many.p99_ms == pytest.approx(9.9, rel=0.002)
    assert many.p999_ms == pytest.approx(9.99, rel=0.002)
    assert many.in_flight == pytest.approx(0.5, rel=0.002), "Little: 100/s x 5 ms"
    assert not many.why


def test_rounds_are_merged_as_if_they_were_measured_together() -> None:
    first = h2load.figures(50, h2load.histogram_of(range(100, 1100)))
    second = h2load.figures(50, h2load.histogram_of(range(5000, 6000)))
    together = h2load.figures(50, h2load.histogram_of([*range(100, 1100), *range(5000, 6000)]))
    merged = h2load.merged([first, second])
    assert merged
    assert merged.histogram != first.histogram
    assert (merged.requests, merged.p50_ms, merged.p99_ms) == (together.requests, together.p50_ms, together.p99_ms)
    assert h2load.merged([]) is None


def test_h2load_counts_lost_and_wrong_answers() -> None:
    with answering(lambda number: (404 if number % 4 == 0 else 200, b"ok\n")) as url:
        constant = h2load.run(TOOLS.h2load, url, rate=100, seconds=0.4)
    assert (constant.latency.requests, constant.non_2xx, constant.errors) == (30, 10, 0)
    with answering(fine) as url:
        pass
    assert h2load.run(TOOLS.h2load, url, rate=100, seconds=0.1).errors == 8, "nothing listens any longer"


def test_a_tool_is_killed_when_it_does_not_end() -> None:
    tool = tools.start(["/bin/sleep", "100"])
    assert tools.alive(tool)
    tools.ended(tool, 0)
    assert tool.returncode == -signal.SIGKILL


# --- up --with bench -------------------------------------------------------------------------------------------------


def test_up_installs_the_tools_on_request(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(installed, "program", lambda name: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert up._tools(["php"]) == ()
    assert up._tools(["php", "bench"]) == ("wrk", "nghttp2-client")
    assert capsys.readouterr().err == "zoo: only root installs tools: sudo apt-get install -y wrk nghttp2-client\n"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert up._tools(["bench"]) == ("wrk", "nghttp2-client")
    assert capsys.readouterr().err == ""
    monkeypatch.undo()
    assert up._tools(["bench"]) == (), "both are installed here"
