# Everything installs into .venv; nothing else is needed but Python 3.11+ with its venv module.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-system site spectrum axe long crash soak host bench bench-watching bench-shares bench-history bench-night bench-page bench-scrape deb wheel release constraints lint format clean
.DEFAULT_GOAL := test

# Some hundred Pythons are started by the tests; without what Python has compiled before, each would compile it anew.
unexport PYTHONDONTWRITEBYTECODE

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "retraind needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || sh .ci/need-venv $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[emulator]'
	touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[emulator,page]' --group dev
	touch $@ $(VENV)/.run

demo: $(VENV)/.run ## see the whole job on real data, in a temporary folder
	$(BIN)/retraind demo $(ARGS)

# Many tests wait, so two workers more than cores.
AT_ONCE = -n $(or $(WORKERS),$$(($$(getconf _NPROCESSORS_ONLN) + 2))) --dist worksteal

test: $(VENV)/.dev ## the default test suite [COVERAGE=1], or tests that are named: make test ARGS=tests/domain
	$(BIN)/python $(if $(COVERAGE),-m slipcover) -m pytest $(AT_ONCE) $(ARGS)

test-system: $(VENV)/.dev ## complete runs with real parts: browsers, file servers, faults, kills, upgrades
	$(BIN)/python -m pytest -m "system and not long" $(AT_ONCE) $(ARGS)

spectrum: ## fetch csv-spectrum, a public set of CSV files, for one of the tests (needs npm)
	mkdir -p build/csv-spectrum
	npm pack --silent --pack-destination build/csv-spectrum csv-spectrum@2.0.0
	tar -xzf build/csv-spectrum/csv-spectrum-2.0.0.tgz -C build/csv-spectrum

axe: ## fetch axe-core, which judges how accessible the status page is, for its tests (needs npm)
	mkdir -p build/axe-core
	npm pack --silent --pack-destination build/axe-core axe-core@4.14.1
	tar -xzf build/axe-core/axe-core-4.14.1.tgz -C build/axe-core package/axe.min.js

long: $(VENV)/.dev ## tests that take minutes
	$(BIN)/python -m pytest -m long $(ARGS)

crash: $(VENV)/.dev ## kill it N times at random points: make crash N=10000 [SEED=…] [WORKERS=…], or RUN=SEED:NUMBER
	PYTHONPATH=tests $(BIN)/python -m scenarios.crash.campaign $(if $(RUN),--run $(RUN),$(or $(N),1000) $(if $(SEED),--seed $(SEED)) $(if $(WORKERS),--workers $(WORKERS)))

soak: $(VENV)/.dev ## hours of traffic with faults, and what the daemon has grown by: make soak [MINUTES=240] [MODELS=100] [SEED=…]
	PYTHONPATH=tests $(BIN)/python -m scenarios.soak.campaign --minutes $(or $(MINUTES),240) --models $(or $(MODELS),100) $(if $(SEED),--seed $(SEED))

host: $(VENV)/.dev ## retraind on booted Debians, as root: make host [SUITES="bookworm trixie"] [SHORT=1] [ARGS="-k reload"]
	RETRAIND_TESTS_HOST="$(or $(SUITES),bookworm trixie)" RETRAIND_TESTS_HOST_SHORT=$(SHORT) $(BIN)/python -m pytest tests/scenarios/host $(ARGS)

build/tables/.fetched: pyproject.toml | $(VENV)/.dev
	rm -rf build/tables
	$(BIN)/python -m pip install --quiet --no-deps --target build/tables --group bench
	touch $@

bench: $(VENV)/.dev build/tables/.fetched ## how fast it is beside other ways: make bench [SIZE=60] [PARTS="bundling delivering"] [KINDS=numeric] [TABLES=flights] [BEFORE=COMMIT] [ROUNDS=3]
	$(BIN)/python -m benchmarks $(if $(SIZE),--size $(SIZE)) $(if $(PARTS),--parts $(PARTS)) $(if $(KINDS),--kinds $(KINDS)) $(if $(TABLES),--tables $(TABLES)) $(if $(BEFORE),--before $(BEFORE)) $(if $(ROUNDS),--rounds $(ROUNDS))
	$(if $(PARTS),,$(BIN)/python -m benchmarks.watching)
	$(if $(PARTS),,$(BIN)/python -m benchmarks.history)

bench-watching: $(VENV)/.dev ## what it costs to watch many folders: make bench-watching [ARGS="sweep --folders 1000"]
	$(BIN)/python -m benchmarks.watching $(ARGS)

bench-shares: $(VENV)/.dev ## what helper processes cost on a FUSE file system: make bench-shares [ARGS="--rounds 15"]
	$(BIN)/python -m benchmarks.shares $(ARGS)

bench-history: $(VENV)/.dev ## how the journal's look-ups grow with it: make bench-history [ARGS="--jobs 1000000"]
	$(BIN)/python -m benchmarks.history $(ARGS)

bench-page: $(VENV)/.dev ## how long pages of the status page take while a bundle is made: make bench-page [ARGS="--each 50"]
	$(BIN)/python -m benchmarks.page $(ARGS)

bench-scrape: $(VENV)/.dev ## what a scrape of the metrics costs: make bench-scrape [ARGS="--jobs 10000"]
	$(BIN)/python -m benchmarks.scrape $(ARGS)

bench-night: $(VENV)/.dev ## what it costs when all models deliver at once: make bench-night [ARGS="--models 1000 --each 3"]
	$(BIN)/python -m benchmarks.night $(ARGS)

$(VENV)/.site: pyproject.toml | $(VENV)/.run
	$(BIN)/python -m pip install --quiet --group site
	touch $@

site: $(VENV)/.site ## the documents as a site, in build/site; a broken link fails
	PYTHONPATH=docs $(BIN)/python -m website build/site

$(VENV)/.package: pyproject.toml | $(VENV)/.run
	$(BIN)/python -m pip install --quiet --group package
	touch $@

deb: $(VENV)/.package ## the Debian package, for the release and the architecture this runs on, in dist/
	.packaging/build-deb $(PYTHON)

wheel: $(VENV)/.package ## the wheel and the source archive, in dist/
	$(BIN)/uv build --quiet --out-dir dist

release: $(VENV)/.package ## all that a release has, from its tag, as root: make release [SUITES="bookworm trixie"]
	.ci/release $(SUITES)

constraints: $(VENV)/.package ## take in new versions of what the package brings: .packaging/constraints.txt
	$(BIN)/uv pip compile pyproject.toml --extra notify --extra page --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-header --no-emit-index-url --no-emit-find-links --no-annotate --quiet --output-file .packaging/constraints.txt

lint: $(VENV)/.dev ## style, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) dist build
