# AtomLoop's commands. `make help` lists them; each one sets up what it needs first.
PYTHON ?= python3
BIN := .venv/bin
MAKEFLAGS += --no-print-directory
CODE := edge_agent inference_service sim_dispatcher shared deploy
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest
SOURCE ?= nion

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fmt lint types imports spell unit contract system browser bench validate schema clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv and build the dashboard; SYSTEM_PACKAGES=1 adds Debian's Chromium and Slurm
	@$(PYTHON) -m deploy.bootstrap

.PHONY: venv
venv:
	@$(PYTHON) -m deploy.bootstrap --python-only

demo: setup ## run the whole loop; ONCE=1 ends at the first answer; SOURCE="replay PATH…"
	@$(BIN)/python -m deploy.demo $(if $(filter 1,$(ONCE)),--once) --source "$(SOURCE)"

test: setup ## everything: lint, types, imports, spelling, and every test
	@$(MAKE) -k lint types imports spell pytest

check: venv ## what a commit must pass: `test` without the slow tests
	@$(MAKE) -k lint types imports spell unit contract

fmt: venv ## format the code and mend what ruff can mend
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: venv ## ruff: rules and format
	@$(BIN)/ruff check .; rules=$$?; $(BIN)/ruff format --check . && exit $$rules

types: venv ## mypy --strict
	@$(BIN)/mypy

imports: venv ## import contracts between and inside the packages
	@$(BIN)/lint-imports --no-logo

spell: venv ## spelling of code and documents
	@git ls-files -z | xargs -0 $(BIN)/codespell

.PHONY: pytest
pytest: setup
	@$(MAKE) -k unit science processes loop

unit: venv ## pure parts, about a minute and a half
	@$(PYTEST) --numprocesses=auto --dist=loadfile tests/unit

.PHONY: science
science: venv ## documents, databases and physics against independent truth, on every core
	@$(PYTEST) --numprocesses=auto --dist=loadfile tests/contract tests/conformance tests/science

.PHONY: processes loop
LOOP := tests/system/test_demo.py tests/system/test_first_light.py tests/system/test_operator.py
processes: setup ## browser, Slurm, kills: two files at a time
	@$(PYTEST) --numprocesses=auto --dist=loadfile tests/browser tests/system $(LOOP:%=--ignore=%)

loop: setup ## the whole loop, which wants the machine to itself
	@$(PYTEST) $(LOOP)

contract: venv ## style budget, documents, schemas, golden bytes
	@$(PYTEST) tests/contract

system: setup ## the real processes over real sockets, with a real relaxation
	@$(PYTEST) tests/system

browser: setup ## the dashboard in a real Chromium
	@$(PYTEST) tests/browser

bench: venv ## ours beside theirs, in turns, into benchmarks.json
	@OMP_NUM_THREADS=1 $(BIN)/python tests/benchmarks

validate: venv ## frames by independent wave physics, and the detector's scores on them (an hour)
	@test -x .venv-validate/bin/python || $(PYTHON) -m venv .venv-validate
	@.venv-validate/bin/pip install --quiet --editable '.[validate]'
	@OMP_NUM_THREADS=1 .venv-validate/bin/python -m tests.science.multislice make --out build/multislice
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.science.scores build/multislice --out build/scores

schema: venv ## write the generated references
	@$(BIN)/python -m shared.messages.schema > docs/reference/messages.json

clean: ## remove what set-up, tests and demo made
	@rm -rf .venv .venv-atomai .venv-validate .atomloop .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@rm -rf inference_service/dashboard/node_modules inference_service/dashboard/dist
