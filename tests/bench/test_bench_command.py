"""`zoo bench` on a zoo that runs: figures of real cells, a stop in the middle, and nothing that stays behind."""

import signal
import subprocess
from collections.abc import Iterator

import msgspec
import psutil
import pytest
from servers_in_test import tools_or_skip
from zoo_in_test import Zoo, needs_sight

from gateway_zoo.bench.records import Report

tools_or_skip()


@pytest.fixture(scope="module")
def idle() -> Iterator[Zoo]:
    with Zoo() as zoo:
        yield zoo


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    with Zoo() as zoo:
        assert zoo.cli("up", "-d", "uwsgi", "cgi", "mod_wsgi").returncode == 0
        yield zoo


def generators(zoo: Zoo) -> list[str]:
    """Load generators and controls that run now, of this zoo's ports."""
    words = [" ".join(each.info["cmdline"] or []) for each in psutil.process_iter(["cmdline"])]
    own = [line for line in words if f":{zoo.ports['nginx']}/" in line or f":{zoo.ports['apache']}/" in line]
    return [line for line in own if line.startswith(("/usr/bin/wrk", "/usr/bin/h2load"))]


@needs_sight
@pytest.mark.slow
def test_a_quick_run_measures_real_cells(zoo: Zoo) -> None:
    done = zoo.cli("bench", "uwsgi", "cgi", "apache:mod_wsgi", "--busy", "--json", "--seed", "5")
    report = msgspec.json.decode(done.stdout, type=Report)
    assert (report.method.mode, report.method.seed, report.method.rounds) == ("quick", 5, 5)
    assert [tool.name for tool in report.method.tools] == ["wrk", "h2load", "hdrhistogram"]
    assert report.machine.versions["nginx"]
    assert report.rounds
    rows = {row.target: row for row in report.rows}
    assert done.returncode == int(any(row.failed for row in report.rows)), done.stderr
    uwsgi, cgi, mod_wsgi = (rows[name] for name in ("uwsgi", "cgi", "apache:mod_wsgi"))
    for row in (uwsgi, mod_wsgi):
        assert not row.failed
        assert row.rps
        assert row.gateway_cpu_ms
        assert row.front_cpu_ms
        assert row.amdahl
        assert row.gateway.pss_idle
        assert row.latency
        assert row.latency.p50_ms
    if not cgi.failed:  # a busy machine may leave it too few requests, and then it says so
        assert cgi.gateway_cpu_ms
        assert cgi.gateway_cpu_ms.value > 20 * uwsgi.gateway_cpu_ms.value  # type: ignore[union-attr]
        assert cgi.forks
        assert cgi.forks >= 1
    assert any(each.figure == "cpu_ms" and each.target == "apache:mod_wsgi" for each in report.comparisons)
    assert "A quick run is indicative" in report.warnings[0]


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_measured(zoo: Zoo) -> None:
    argv = [str(zoo.root / "zoo"), "bench", "uwsgi", "apache:mod_wsgi", "--busy"]
    with subprocess.Popen(argv, env=zoo.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr
        lines = []
        for line in run.stderr:
            lines.append(line)
            if "round 2 of 5" in line:
                run.send_signal(signal.SIGINT)
                break
        output, _ = run.communicate(timeout=60)
    assert "uwsgi" in output, lines
    assert "It was interrupted" in output
    assert run.returncode == 0
    assert generators(zoo) == []
    assert zoo.cli("status").returncode == 0, "the zoo goes on"


def test_wrong_words_end_before_anything_is_measured(idle: Zoo) -> None:
    done = idle.cli("bench", "uwsgi", "--quick", "--full")
    assert (done.returncode, done.stderr) == (2, "zoo: --quick or --full, not both\n")
    done = idle.cli("bench", "uwsgi", "--nginx", "http://192.0.2.1:80", "--busy")
    sentence = "zoo: http://192.0.2.1:80 is not on this machine: the benchmark sends load to http://127.0.0.1 only\n"
    assert (done.returncode, done.stderr) == (2, sentence)
