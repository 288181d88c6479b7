"""A dozen behaviours in a few cells, measured now, against the kept answers; `make test-traits` measures all."""

import json
from pathlib import Path

import msgspec
import pytest
from matrix_in_test import BYTES, PID, SLOW, changed, small
from zoo_in_test import REGISTRY, ROOT, Zoo

from gateway_zoo.errors import Stop
from gateway_zoo.registry import versions
from gateway_zoo.settings import read_settings
from gateway_zoo.traits import groups, kept

DOZEN = """
    pid_each_time counter_survives requests_at_once wsgi_flags authorization chunked_upload duplicate_headers
    encoded_slash exception_mid_body print_goes_to reason_phrase stream_of_events
""".split()
FEW = ["cgi", "fastcgi", "wsgi", "mod_wsgi"]
FACTS = [PID, SLOW, BYTES]


def test_a_dozen_answers_are_those_that_are_kept(fresh_zoo: Zoo) -> None:
    values = kept.read(ROOT, "native")
    assert values
    here = {v.name: v.version for v in versions.versions(read_settings(fresh_zoo.env), REGISTRY) if v.version}
    if others := {p: here.get(p) for p in ("nginx", "apache2", "Python") if here.get(p) != values.versions[p]}:
        pytest.skip(f"the kept answers are those of other versions: {others}")
    names = [word for name in DOZEN for word in ("-t", name)]
    done = fresh_zoo.cli("traits", *FEW, *names, "--expected", "--json", timeout=200)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert (found["changes"], done.returncode) == ([], 0), done.stderr
    assert found["compared"] == len(DOZEN) * 7


def test_drift_is_told_in_the_chosen_cells_only(tmp_path: Path) -> None:
    (tmp_path / "traits").mkdir()
    kept.keep(tmp_path, small(), REGISTRY, FACTS)
    new = changed(small(), "pid_each_time", ("cgi", "nginx"), "no")
    assert [c.after for c in kept.drift(tmp_path, new, REGISTRY, FACTS, [], "").changes] == ["no"]
    for ids, front in ((["scgi"], ""), (["cgi", "scgi"], "apache")):
        part = groups.choose(new, [], ids, front, quick=True)
        assert kept.drift(tmp_path, part, REGISTRY, FACTS, ids, front).changes == []
    lost = msgspec.structs.replace(small(), answers=[a for a in small().answers if a.exhibit != "scgi"])
    assert {c.kind for c in kept.drift(tmp_path, lost, REGISTRY, FACTS, [], "").changes} == {"gone"}
    with pytest.raises(Stop) as stop:
        kept.drift(tmp_path, msgspec.structs.replace(small(), place="image"), REGISTRY, FACTS, [], "")
    assert "nothing is kept for image: zoo traits --keep measures" in stop.value.text
