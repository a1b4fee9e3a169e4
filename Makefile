# The user's two commands: `make demo` and `make test`. Only Python 3.11+ and make are needed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
PIN     = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
          --no-annotate --no-emit-index-url --no-emit-find-links

.PHONY: help install demo test bench soak lint mutants requirements clean
.DEFAULT_GOAL := help

help: ## what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/demo: requirements/demo.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what the demo needs into $(VENV)"
	@$(INSTALL) --require-hashes -r requirements/demo.txt
	@touch $@

$(VENV)/dev: requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what the tests need into $(VENV)"
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/demo

demo: $(VENV)/demo ## crash, slowdown and config error in a real app, judged and cleared (under a minute)
	@$(BIN)/python -m chaos_engine demo

install: $(VENV)/dev ## the command chaos-engine, in .venv/bin

lint: $(VENV)/dev ## ruff, mypy --strict and the arrows between packages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Most tests wait, for real clocks and containers: so four files at a time, whatever the cores.
test: lint ## lint, then every test; those that need a Docker Engine are skipped without one
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

bench: $(VENV)/dev ## measured numbers, each beside the naive way
	$(BIN)/python -m benchmarks

soak: $(VENV)/dev ## a million simulated experiments, then the real engine killed at every step (over an hour)
	$(BIN)/python -m pytest -m soak
	$(BIN)/python -m tests.simulate --experiments 1000000
	$(BIN)/python -m tests.killed

mutants: $(VENV)/dev ## what tests fail to notice: mutmut on the pure parts (about ten minutes)
	rm -rf mutants
	PYTHONHASHSEED=0 $(BIN)/mutmut run
	$(BIN)/python -m tests.mutants

requirements: ## pin every dependency again, with hashes
	$(BIN)/python -m pip install --quiet uv
	for extra in "" aws demo notify rehearsal toolkit dev; do \
	  out=requirements/$${extra:-base}.txt; \
	  $(PIN) $${extra:+--extra $$extra} -o $$out pyproject.toml; \
	done
	echo chaostoolkit | $(PIN) -o requirements/peer-chaostoolkit.txt -  # what `make soak` compares with
	printf '%s\n' '-r requirements/base.txt' > requirements.txt

clean: ## forget the environment and what runs left behind
	rm -rf $(VENV) .chaos .mypy_cache .ruff_cache .pytest_cache .hypothesis mutants
