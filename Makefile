# One virtual environment for everything; needs python3 and PyPI.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
FUNCTIONS := tests/functions tests/functions/launched bench/functions \
    examples/greeting examples/s3_storage examples/telemetry examples/dagster

PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install
PYTEST := $(BIN)/python -m pytest
RUN := @$(MAKE) --no-print-directory
CONSTRAINTS := tests/constraints/dev.txt
PORT ?= 8000

.PHONY: help demo demo-dagster test test-core test-longest test-dagster test-alone test-pythons \
    test-lowest test-newest test-extras test-hidden release-check lint lint-style lint-types \
    lint-oldest lint-newest lint-imports format check docs docs-build templates fuzz reliability trace \
    screenshot-dev screenshot-dagster browser bench \
    bench-quick constraints clean

help:
	@echo "make demo    run a workflow through the real serverless loop on this machine"
	@echo "make demo-dagster  run examples/dagster: Dagster's UI, a local Lambda, its own ops and a run that outlives it"
	@echo "make test    format, lint, types, import rules and the test suite"
	@echo "make check   the same without the tests that need a server (seconds)"
	@echo "make fuzz    a million arbitrary inputs for all parsers; minutes"
	@echo "make test-pythons  unit tests and demo under every other supported Python found here"
	@echo "make test-lowest   the same with the oldest dependencies that are supported"
	@echo "make test-newest   the same with the newest, as users install them"
	@echo "make test-hidden   make demo and tests/server with awslambdaric's native client hidden, as on macOS"
	@echo "make templates   sam validate, cdk synth and checkov over examples/deploy; 1.1 GB of tools"
	@echo "make test-extras   install each extra alone, from the wheel, import what it promises, run its example"
	@echo "make release-check   build and check wheel and sdist, and do that under every Python found here"
	@echo "make docs    show the documentation as a site, on 127.0.0.1:8000; make docs PORT=8001"
	@echo "make docs-build  build it strictly, below build/site; a dead link is an error"
	@echo "make format  format and fix what can be fixed"
	@echo "make reliability  write the table of faults in docs/reliability.md"
	@echo "make trace   run examples/telemetry and draw its trace, docs/trace.svg"
	@echo "make screenshot-dagster  run examples/dagster and photograph it, docs/dagster-run.png"
	@echo "make screenshot-dev  run temporal-lambda dev and take the pictures of docs/local.md"
	@echo "make browser install Chromium, which the test of Dagster's UI needs; as root, on Debian"
	@echo "make bench   measure, side by side with temporalio's own module; writes docs/benchmarks.md"
	@echo "make bench-quick   its headlines in less than three minutes, into build/bench-quick"
	@echo "make constraints   write $(CONSTRAINTS): the newest releases for make test"

demo: $(VENV)/local
	$(BIN)/temporal-lambda dev examples/greeting/handler.py:lambda_handler \
	    --timeout 20s --no-reload --execute Greeting --input '"World"'

demo-dagster: $(VENV)/dev
	$(BIN)/python -m examples.dagster.demo $(DEMO)

test: lint browser
	$(RUN) --jobs 2 test-longest test-core
	$(RUN) test-dagster
	$(RUN) test-alone

# Most of the time tests wait for deadlines and servers; each process has a server of its own.
test-core: $(VENV)/dev
	$(PYTEST) --numprocesses 4 --dist worksteal -m "not alone" --ignore tests/dagster

# Mostly waits, and takes as long as all others of Dagster's.
test-longest: $(VENV)/dev
	$(PYTEST) --quiet -m longest tests/dagster

# Dagster's own processes are busy, and would disturb tests that measure time.
test-dagster: $(VENV)/dev
	$(PYTEST) --numprocesses 3 --dist loadscope -p no:hypothesispytest -m "not longest" tests/dagster

test-alone: $(VENV)/dev
	$(PYTEST) -m alone

test-pythons test-lowest test-newest: | $(VENV)/bin/python
	$(BIN)/python -m tests.matrix $(@:test-%=%)

templates: $(VENV)/dev
	$(BIN)/python -m tests.templates

test-extras: $(VENV)/dev
	$(BIN)/python -m tests.extras

docs: $(VENV)/dev
	$(BIN)/python -m docs_site serve --port $(PORT)

docs-build: $(VENV)/dev
	$(BIN)/python -m docs_site build

# Hidden from the processes here, which then run functions with the client of this package's own.
test-hidden: export PYTHONPATH := $(CURDIR)/tests/support/no_native_client
test-hidden: $(VENV)/dev
	$(RUN) demo
	$(PYTEST) --numprocesses 4 --dist worksteal -m "not alone" tests/server

release-check: $(VENV)/release
	$(BIN)/python -m tests.release

fuzz: $(VENV)/dev
	$(BIN)/python -m tests.fuzz

check: lint
	$(PYTEST) -m "not server"

lint: $(VENV)/dev
	$(RUN) --jobs 2 --output-sync lint-types lint-style lint-imports lint-oldest lint-newest

lint-style: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# The folders of Lambda functions are not packages, so each is checked by itself.
lint-types: $(VENV)/dev
	$(BIN)/mypy
	set -e; for code in $(FUNCTIONS); do MYPYPATH=$$code $(BIN)/mypy $$code/*.py; done

lint-oldest: $(VENV)/dev
	$(BIN)/mypy --python-version 3.10 temporal_lambda
	$(BIN)/vermin --quiet --no-tips --violations --target=3.10- --exclude tomllib temporal_lambda

lint-newest: $(VENV)/dev
	$(BIN)/mypy --python-version 3.14 temporal_lambda

lint-imports: $(VENV)/dev
	$(BIN)/lint-imports

reliability: $(VENV)/dev
	$(PYTEST) -m fault --write-reliability

trace: $(VENV)/dev
	$(BIN)/python -m bench.trace_picture docs/trace.svg

screenshot-dev: $(VENV)/dev
	$(BIN)/python -m bench.dev_picture docs

screenshot-dagster: browser
	$(BIN)/python -m examples.dagster.demo.screenshot docs/dagster-run.png

# Installs one where it may. Where it may not, the test that needs it fails and says what to install.
browser: $(VENV)/dev
	-@$(BIN)/python -m examples.dagster.demo.browser >/dev/null 2>&1 || [ "$$(id -u)" != 0 ] \
	    || { apt-get update -qq \
	         && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; }

format: $(VENV)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/bench
	$(BIN)/python -m bench

# The headlines, as an impression: few repeats, and not into the documents.
bench-quick: $(VENV)/bench
	$(BIN)/python -m bench --quick --out build/bench-quick billed warm throughput

# For all supported Pythons and platforms at once, which pip can't do.
constraints: $(VENV)/dev
	echo "# What make test installs, on any supported Python. Written by: make constraints" >$(CONSTRAINTS)
	$(BIN)/uv pip compile pyproject.toml --group bench --group release --extra local --extra aws --extra otel \
	    --extra otel-http --extra deploy --extra dagster --universal --python-version 3.10 --upgrade --quiet --no-header \
	    --no-annotate --no-emit-index-url --no-emit-find-links >>$(CONSTRAINTS)

clean:
	rm -rf $(VENV) .venvs

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/local: pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable '.[local]'
	@touch $@

# Dependency groups need a recent pip.
$(VENV)/dev: pyproject.toml $(CONSTRAINTS) | $(VENV)/bin/python
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --constraint $(CONSTRAINTS) --group dev \
	    --editable '.[local,aws,deploy,otel,otel-http,dagster]'
	@touch $@ $(VENV)/local

$(VENV)/bench: $(VENV)/dev
	$(PIP) --constraint $(CONSTRAINTS) --group bench
	@touch $@

$(VENV)/release: $(VENV)/dev
	$(PIP) --constraint $(CONSTRAINTS) --group release
	@touch $@
