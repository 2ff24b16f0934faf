# `make` lists the targets. Each works on a machine that has only Python 3.11 or newer and make.
# ARGS is passed on: make test ARGS="-k late_worker -x"

BIN := .venv/bin
RUNTIME := .venv/.installed
ENVIRONMENT := .venv/.tools
# who asks for some tests by ARGS may leave one of two runs without any, which is pytest's exit code 5
NONE_IS_FINE := $(if $(ARGS),|| [ $$? -eq 5 ])

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-fast chaos chaos-controls check audit fmt bench docs screenshots lock dist try-wheel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## start everything, run a few real jobs, show them to their ends
	@$(BIN)/milepost demo --stickers .milepost-demo/stickers $(ARGS)

test: $(ENVIRONMENT) ## the whole suite, with the tests that kill real processes
	@$(BIN)/python -m pytest -m "not faults" -n 2 --dist loadfile $(ARGS) $(NONE_IS_FINE)
	@$(BIN)/python -m pytest -m "faults and not chaos" $(ARGS) $(NONE_IS_FINE)

test-all: test ## the suite, random examples of its properties, and two minutes of random faults
	@$(BIN)/python -m pytest tests/domain --hypothesis-profile=random $(ARGS) $(NONE_IS_FINE)
	@$(BIN)/python -m pytest -m chaos -o faulthandler_timeout=0 $(ARGS) $(NONE_IS_FINE)

test-fast: $(ENVIRONMENT) ## the part that takes less than 90 seconds
	@$(BIN)/python -m pytest -m "not faults and not slow" -n 2 --dist loadfile $(ARGS)

check: $(ENVIRONMENT) ## lint, format, types, import contracts, known holes in dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright --warnings
	@$(BIN)/lint-imports
	@$(BIN)/python tools/audit_dependencies.py || [ $$? -eq 3 ] # 3: nobody could be asked, which it says itself

audit: $(ENVIRONMENT) ## known holes in dependencies, and an error where no service could be asked
	@$(BIN)/python tools/audit_dependencies.py

fmt: $(ENVIRONMENT) ## format and mend what can be mended safely
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(ENVIRONMENT) ## measure against the ceilings, with PEERS=1 other queues too; writes benchmarks/results/latest.json
	@$(if $(PEERS),sh tools/make_peers.sh || echo "Other queues could not be installed; the rest is measured.")
	@$(BIN)/python -m benchmarks $(if $(PEERS),--peers) $(ARGS)

chaos: $(ENVIRONMENT) ## random faults under a load: MINUTES=60 SEED=7; an hour writes benchmarks/results/chaos.json
	@$(BIN)/python -m tests.faults.chaos --minutes $(or $(MINUTES),2) $(if $(SEED),--seed $(SEED)) $(ARGS)

chaos-controls: $(ENVIRONMENT) ## the same on the product broken on purpose: all must be caught
	@$(BIN)/python -m tests.faults.chaos.controls $(ARGS)

docs: $(ENVIRONMENT) ## write the generated pages anew
	@$(BIN)/python -m docs.generate $(ARGS)

screenshots: $(ENVIRONMENT) ## photograph the dashboard for docs/pictures (needs Chromium)
	@$(BIN)/python -m tests.dashboard.screenshots

lock: $(ENVIRONMENT) ## renew both locks (ARGS="--upgrade" for the newest of everything)
	@sh tools/lock.sh $(ARGS)

dist: $(ENVIRONMENT) ## the release: wheel, source, and the constraints to install them with
	@rm -rf dist
	@$(BIN)/hatchling build -d dist
	@sed -n 's/^\([a-z].*==.*[^ ]\) *\\$$/\1/p' requirements.lock > dist/constraints.txt

try-wheel: dist ## install the release into an empty environment, start it in an empty folder, run a job
	@sh tools/try_wheel.sh

clean: ## remove what was built or cached, and the environment
	rm -rf .venv .venv-peers build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src workers tests migrations benchmarks docs tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(RUNTIME): requirements.lock pyproject.toml tools/make_environment.sh
	@sh tools/make_environment.sh
	@touch $@

$(ENVIRONMENT): $(RUNTIME) requirements-dev.lock
	@sh tools/make_environment.sh tools
	@touch $@
