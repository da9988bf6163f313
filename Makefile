# Nobody needs a third command: `make demo` and `make test` set up what they need.
.DEFAULT_GOAL := help
SHELL := /bin/bash
# Containers often set it; then each process compiles all modules anew: collecting the tests takes 30 s of CPU instead of 17.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
# What `make demo` needs, and what everything else does: the same .venv, with more in it.
BASE := .venv/.base
READY := .venv/.ready
CHECKOV := .venv-checkov
MICROBURST := .venv-microburst
E2E := .venv-e2e
SIMULATE := .iam-simulate
# A stage is a settings file and a stack: snapback.dev.yaml and snapback-dev for STAGE=dev.
SETTINGS := snapback$(if $(STAGE),.$(STAGE)).yaml
STACK := snapback$(if $(STAGE),-$(STAGE))

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BASE): requirements/base.txt requirements/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "snapback: $(PYTHON) is older than 3.11; install a newer one and name it: make PYTHON=python3.13 …" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "snapback: $(PYTHON) has no venv; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@echo "Setting up .venv (once, half a minute) …"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(PIP) --no-deps --require-hashes -r requirements/base.txt -r requirements/build.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(READY): $(BASE) requirements.txt requirements/apprise.txt requirements/dev.txt requirements/ministack.txt
	@echo "Setting up .venv for development (once, about a minute) …"
	@$(PIP) --no-deps --require-hashes -r requirements/dev.txt -r requirements/ministack.txt
	@$(BIN)/python -m snapback.deploy.wheels
	@touch $@

demo: $(BASE) ## the main job, on an in-memory AWS: 45 events, findings, fixes, one undo, a report
	@mkdir -p build
	@$(BIN)/snapback demo --html build/demo.html --result build/demo.json

test: $(READY) ## all tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

quick: $(READY) ## the pure tests, in under a minute: reasoning about policies, core types, patterns, the ledger's conditions
	@$(BIN)/python -m pytest -n 2 --dist worksteal tests/analysis tests/core tests/delivery/test_memory.py tests/test_house.py $(ARGS)

profile: $(READY) ## [ARGS=tests/…]: where the time of these tests goes, by function; the whole file is build/profile
	@mkdir -p build
	@$(BIN)/python -m cProfile -o build/profile -m pytest -p no:xdist $(or $(ARGS),tests/engine)
	@$(BIN)/python -c 'import pstats; pstats.Stats("build/profile").sort_stats("tottime").print_stats(30)'

faults: $(READY) $(MICROBURST)/.ready ## each fault at each AWS call of each guardrail, all of them (`make test` picks some)
	@$(BIN)/python -m tests.faults.proxied $(MICROBURST)/bin/microburst
	@SNAPBACK_FAULTS=all $(BIN)/python -m pytest -n 2 --dist worksteal tests/faults tests/test_hostile_documents.py tests/delivery/test_bursts.py $(ARGS)

e2e: $(READY) $(E2E)/.ready ## [ARGS="--core --iam on"]: a day of the real stack on an emulator of AWS, with IAM enforced and without
	@$(BIN)/python -m tests.e2e $(ARGS)

check: $(READY) $(CHECKOV)/.ready ## lint, format, types, import contracts, known holes, generated files fresh, template packaged and linted
	@$(MAKE) --no-print-directory -j2 check-code check-template

check-code:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -c pyproject.toml -r app.py chalicelib snapback tools
	$(BIN)/python -m tools.audit

check-template:
	$(BIN)/python -m tools.generate --check
	$(BIN)/snapback settings check snapback.yaml
	$(BIN)/snapback package
	$(BIN)/python -m tools.lint_template
	$(CHECKOV)/bin/checkov --config-file snapback/deploy/checkov.yaml -f build/expanded.json build/package/{rules,alarms,member}.json

check-wheel: $(READY) ## wheel and sdist, tried in a clean environment: demo, replay, package, an author's types, limits
	@$(BIN)/python -m tools.check_wheel

$(MICROBURST)/.ready: requirements/microburst.txt | $(READY)
	@$(BIN)/uv venv -q --clear $(MICROBURST)
	@$(BIN)/uv pip install -q --require-hashes --python $(MICROBURST)/bin/python -r $<
	@touch $@

$(E2E)/.ready: requirements/e2e.txt | $(READY)
	@$(BIN)/uv venv -q --clear $(E2E)
	@$(BIN)/uv pip install -q --require-hashes --python $(E2E)/bin/python -r $<
	@touch $@

# A second IAM evaluator for tests, AGPL-3.0: a process of its own, which tests/iam_simulate/driver.js starts. It needs npm and node 20.
$(SIMULATE)/.ready: tests/iam_simulate/package.json tests/iam_simulate/package-lock.json
	@mkdir -p $(SIMULATE) && cp $^ $(SIMULATE)
	@cd $(SIMULATE) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(CHECKOV)/.ready: requirements/checkov.txt | $(READY)
	@$(BIN)/uv venv -q --clear $(CHECKOV)
	@$(BIN)/uv pip install -q --require-hashes --python $(CHECKOV)/bin/python -r $<
	@touch $@

generate: $(READY) ## the docs of guardrails and the IAM policies, from the code
	@$(BIN)/python -m tools.generate

package: $(READY) ## [STAGE=…]: build/package: the zip, the template for CloudFormation, the SBOM and the hashes
	@$(BIN)/snapback package $(SETTINGS)

deploy: $(READY) ## BUCKET=… [STAGE=…] [PARAMETERS="Name=value …"] [TAGS="name=value …"]: to the account at hand
	@$(BIN)/snapback deploy --stack $(STACK) --bucket "$(BUCKET)" --settings $(SETTINGS) $(if $(UNCOMMITTED),--uncommitted) $(if $(EMULATOR),--emulator) $(if $(WITHOUT_BYTECODE),--without-bytecode) $(addprefix --tag=,$(TAGS)) $(PARAMETERS)

destroy: $(READY) ## [STAGE=…]: removes what was deployed, but for the ledger
	@$(BIN)/snapback destroy --stack $(STACK) $(if $(YES),--yes)

bench: $(READY) ## calls per event, cold start, CPU, size, events replayed a second
	@$(BIN)/python -m bench $(ARGS)

new: $(READY) ## NAME=<service>.<thing_what_happened>: the skeleton of a guardrail, with its test
	@$(BIN)/python -m tools.new $(NAME)

LOCK = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $(if $(UPGRADE),--upgrade)
lock: $(READY) ## [UPGRADE=1]: the locks anew, from pyproject.toml and requirements/*.in; UPGRADE=1 moves the pins too
	@$(LOCK) --all-extras --group dev -o requirements/dev.txt pyproject.toml
	@$(LOCK) -c requirements/dev.txt -o requirements/base.txt pyproject.toml
	@$(LOCK) -c requirements/dev.txt -o requirements/build.txt --group build
	@$(LOCK) -c requirements/dev.txt -o requirements.txt requirements/lambda.in
	@$(LOCK) -c requirements/dev.txt -o requirements/apprise.txt requirements/apprise.in
	@$(LOCK) -o requirements/checkov.txt requirements/checkov.in
	@$(LOCK) -o requirements/microburst.txt requirements/microburst.in
	@$(LOCK) --no-deps -o requirements/ministack.txt requirements/ministack.in
	@$(LOCK) -c requirements/ministack.txt -o requirements/e2e.txt requirements/e2e.in
	@if command -v npm >/dev/null; then cd tests/iam_simulate && npm $(if $(UPGRADE),update,install) --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund; \
	else echo "no npm here: tests/iam_simulate/package-lock.json stays as it is" >&2; fi

clean: ## all that make made
	rm -rf .venv $(CHECKOV) $(MICROBURST) $(E2E) $(SIMULATE) .wheels build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

.PHONY: help demo test quick profile faults e2e check check-code check-template check-wheel generate package deploy destroy bench new lock clean
