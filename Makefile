# The verbs for the developer; CI uses the same.

.PHONY: test test-docker lint fuzz test-traits bench-start bench-news bench-c10k bench-centre bench-wire lock

test:            ## everything, natively, against the real nginx and Apache
	./zoo test

test-docker:     ## build the image, run compose, kill and watch; needs a Docker engine
	ZOO_REQUIRE_DOCKER=1 ./zoo test tests/docker -m docker -n 3 --dist loadfile --durations 12

test-traits:     ## the whole matrix of behaviours against the kept answers: ten minutes
	./zoo traits --expected

lint:            ## ruff and mypy strict
	./zoo test -k lint

fuzz:            ## a million generated inputs for each protocol's decoders, up to two hours: for the night
	./zoo test --collect-only -q tests/wire/test_wire.py >/dev/null
	PYTHONPATH=tests:tests/wire .venv/bin/python tests/wire/fuzz_wire.py

bench-start:     ## start-up, check, CPU per request, memory: ratios with their spread
	./zoo ls >/dev/null
	PYTHONPATH=tests .venv/bin/python tests/keeper/bench_start.py

bench-news:      ## delay from event to screen: long poll, SSE, WebSocket, 100 clients
	./zoo ls >/dev/null
	PYTHONPATH=tests:tests/pages .venv/bin/python tests/pages/bench_news.py

bench-c10k:      ## 10,000 idle connections on nginx and on Apache event: ping for a new visitor, p99
	./zoo lab c10k --connections 10000 --against nginx,event

bench-centre:    ## what the visitor centre costs: shares of a core, a click, memory, weight, start
	./zoo test --collect-only -q tests/centre/test_centre_access.py >/dev/null
	PYTHONPATH=tests:tests/pages:tests/centre .venv/bin/python tests/centre/bench_centre.py

bench-wire:      ## what decoding costs next to a bare loop and to others; what the relay and `zoo wire` cost
	./zoo test --collect-only -q tests/wire/test_wire.py >/dev/null
	PYTHONPATH=tests .venv/bin/python tests/wire/bench_wire.py
	PYTHONPATH=tests .venv/bin/python tests/wire/bench_relay.py

lock:            ## the lock files from pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra scgi-modern pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--all-extras pyproject.toml -o requirements-test.lock
