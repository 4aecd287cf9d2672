# Slipway's own make targets. A fresh machine needs Python 3.11, git, make and the package registries.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
LOCK := requirements/dev.txt
STAMP := $(VENV)/.ready
PROCESSES ?= auto
TREE := {{cookiecutter.project_slug}}

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help setup lint format questions release lock docs picture test test-fast demo bench bench-service clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make the virtual environment from the lock file

$(STAMP): $(LOCK) requirements/uv.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip sync --quiet --compile-bytecode --require-hashes $(LOCK) requirements/uv.txt
	@$(BIN)/python -m slipway.template.toolchain $(VENV)
	@touch $@

lint: $(STAMP) ## ruff, mypy, questions, texts
	ruff check .
	ruff format --check .
	mypy hooks/pre_gen_project.py
	mypy hooks/post_gen_project.py
	mypy slipway tests
	$(BIN)/python -m slipway template sync --check
	$(BIN)/python -m slipway template lint
	rumdl check --quiet --disable MD013 README.md CHANGELOG.md CONTRIBUTING.md AGENTS.md docs features_summaries

format: $(STAMP) ## format the Python sources
	ruff format .
	ruff check --fix-only .

questions: $(STAMP) ## write cookiecutter.json and the validators from copier.yml and slipway/answers.py
	$(BIN)/python -m slipway template sync

release: lint ## make a release of the template (see docs/how-to/release.md); ARGUMENTS="--dry-run" shows it
	$(BIN)/python -m slipway template release $(ARGUMENTS)

lock: $(STAMP) ## lock the tools again, with hashes and without download addresses
	$(UV) pip compile --quiet --no-header --no-emit-index-url --no-emit-find-links --generate-hashes --universal \
	  --python-version 3.11 --group dev -o $(LOCK)
	printf 'uv==0.13.8\n' | $(UV) pip compile --quiet --no-header --no-emit-index-url --no-emit-find-links --generate-hashes \
	  --universal --python-version 3.11 -o requirements/uv.txt -

test: lint ## the whole: lint and every test
	pytest -n $(PROCESSES) --dist worksteal

test-fast: $(STAMP) ## what needs no compiler, under 3 minutes
	pytest -n $(PROCESSES) --dist worksteal -m 'not slow'

demo: $(STAMP) ## generate the default service, build it, start it, place an order, stop it
	$(BIN)/python -m slipway.template.demo

picture: $(STAMP) ## draw docs/first-minute.svg from a real run
	$(BIN)/python -m slipway.template.demo --picture docs/first-minute.svg

docs: $(STAMP) ## build the documentation, strictly, into site/
	properdocs build --strict --quiet -f properdocs.yml

bench: $(STAMP) ## time generation, an update, a small fleet, and the batch pipeline
	$(BIN)/python benchmarks/generation.py
	PYTHONPATH=. $(BIN)/python benchmarks/update.py
	$(BIN)/python -m benchmarks.fleet
	$(BIN)/python benchmarks/pipeline.py

bench-service: $(STAMP) ## put the generated api beside a bare handler and a public peer, under one load
	$(BIN)/python benchmarks/side_by_side.py

clean: ## remove what the targets made
	rm -rf build dist site tmp .mypy_cache .pytest_cache .ruff_cache .hypothesis
