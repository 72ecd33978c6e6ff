# Two commands do everything on a machine with Python >= 3.11 and pip: `make demo`, `make test`.
PYTHON ?= python3
BIN := .venv/bin
LISTS := pyproject.toml layers/relay/requirements.txt
UV_INSTALL := $(BIN)/uv pip install --compile-bytecode
COMPAT := $(patsubst tests/compat/%.txt,.venv-compat-%/.installed,$(wildcard tests/compat/*.txt))

# Some machines set it; then each of the many processes that tests and `relay demo` start compiles all it imports, for seconds.
unexport PYTHONDONTWRITEBYTECODE

# PACKAGES into a target's own environment: by uv, in a tenth of pip's time; by pip where uv cannot reach the index as pip is told to.
FETCH = $(UV_INSTALL) --python $(@D)/bin/python $(PACKAGES) || $(@D)/bin/python -m pip install $(PACKAGES)

.DEFAULT_GOAL := help
.PHONY: help demo setup test test-unit test-compat test-thorough test-deploy test-fuzz coverage mutate check format openapi clean

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: .venv/.dev  ## an agent without push gets push: agent, relay, receiver and client on this machine
	@$(BIN)/relay demo

setup: .venv/.dev  ## make .venv with the `relay` command in it

test: .venv/.test .venv-a2a03/.installed  ## run all tests
	@$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder tests

test-unit: .venv/.test  ## only the domain's tests: seconds
	@$(BIN)/python -m pytest tests/unit

test-compat: .venv/.test .venv-a2a03/.installed $(COMPAT) .venv-compat-a2akit/sdist/.unpacked tests/compat/js/node_modules/.installed  ## other packages' own clients, agents and receivers, before and behind the relay
	@$(BIN)/python -m pytest -m compat tests/compat

coverage: .venv/.test  ## branch coverage: the domain by its own tests (100 %), then all with the integration tests and the demo's (>= 95 %): half an hour
	@$(BIN)/coverage erase
	@$(BIN)/python -m pytest -q --cov --cov-report= tests/unit
	@$(BIN)/coverage report --include='*/relay/domain/*' --fail-under=100
	@$(BIN)/python -m pytest -q --cov --cov-report= --cov-append -n 2 --dist loadscope tests/integration tests/hostile tests/e2e/test_demo.py tests/e2e/test_demo_agent.py
	@$(BIN)/coverage report --fail-under=95

mutate: .venv-mutate/.installed  ## break the rules one by one, and see that a test notices; MODULE=domain/schedule.py for one: hours for all, can be stopped
	@nice -n 19 $(BIN)/python -m tests.mutation $(MODULE) $(ARGS)

test-thorough: .venv/.test .venv-a2a03/.installed  ## what `make test` samples: death at each request in each way, the model's longest searches, agents that stream
	@$(BIN)/python -m pytest -m thorough tests

test-deploy: .venv/.test .venv-sam/.installed .venv-ministack/.installed  ## a real `sam deploy` into an AWS emulator, and one task through it
	@$(BIN)/python -m pytest -m deploy tests/deploy

test-fuzz: .venv/.test .venv-fuzz/.installed  ## schemathesis on docs/openapi.yaml, against the running relay; ARGS=agent=0.3 before another agent: ten minutes
	@$(BIN)/python -m tests.fuzz $(ARGS)

check: .venv/.test .venv-sam/.installed  ## formatting, lint, types, import contracts, dead code, template
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy functions layers/relay/relay relay_dev tests
	@$(BIN)/lint-imports
	@$(BIN)/vulture
	@PATH="$(CURDIR)/$(BIN):$$PATH" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 .venv-sam/bin/sam validate --lint
	@PATH="$(CURDIR)/$(BIN):$$PATH" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 .venv-sam/bin/sam build

format: .venv/.test  ## format and mend what can be mended
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

openapi: .venv/.dev  ## write openapi.json from docs/openapi.yaml
	@$(BIN)/python -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout, indent=1, ensure_ascii=False); print()' < docs/openapi.yaml > openapi.json.new
	@mv openapi.json.new layers/relay/relay/openapi.json

.venv/bin/python:
	@echo "Setting up .venv ($$($(PYTHON) --version)); the first time this takes a minute or two."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.13 …"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv module is missing; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }

.venv/.dev: PACKAGES = --editable '.[dev]'
.venv/.dev: .venv/bin/python $(LISTS)
	@$(BIN)/python -m pip install 'uv>=0.13' || echo "Without uv it goes on, more slowly, with pip."
	@$(FETCH)
	@touch $@

.venv/.test: PACKAGES = --editable '.[dev,test]'
.venv/.test: .venv/.dev
	@$(FETCH)
	@touch $@

.venv-a2a03/.installed: tests/e2e/a2a03/requirements.txt | .venv/.test
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-a2a03
	@$(UV_INSTALL) --quiet --python .venv-a2a03/bin/python -r $<
	@touch $@

.venv-compat-%/.installed: tests/compat/%.txt | .venv/.test
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-compat-$*
	@$(UV_INSTALL) --quiet --python .venv-compat-$*/bin/python -r $<
	@touch $@

.venv-compat-a2akit/sdist/.unpacked: .venv-compat-a2akit/.installed
	@$(BIN)/uvx --quiet --python $(BIN)/python pip download --quiet --no-deps --no-binary a2akit --dest $(@D) "$$(grep '^a2akit==' tests/compat/a2akit.txt)"
	@tar -xzf $(@D)/a2akit-*.tar.gz -C $(@D) --strip-components 1
	@touch $@

tests/compat/js/node_modules/.installed: tests/compat/js/package.json
	@cd $(<D) && npm install --no-audit --no-fund --no-package-lock --loglevel=error
	@touch $@

.venv-sam/.installed: PACKAGES = 'aws-sam-cli>=1.170,<2'
.venv-sam/.installed: | .venv/.dev
	@$(PYTHON) -m venv .venv-sam
	@$(FETCH)
	@touch $@

.venv-ministack/.installed: PACKAGES = 'ministack>=1.5.33,<2' 'aws-sam-translator>=1.115' 'cryptography>=50'
.venv-ministack/.installed: | .venv/.dev
	@$(PYTHON) -m venv .venv-ministack
	@$(FETCH)
	@touch $@

.venv-fuzz/.installed: | .venv/.test
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-fuzz
	@$(UV_INSTALL) --quiet --python .venv-fuzz/bin/python 'schemathesis>=4.32,<5'
	@touch $@

.venv-mutate/.installed: $(LISTS) | .venv/.test
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-mutate
	@$(BIN)/uv pip install --quiet --python .venv-mutate/bin/python -r pyproject.toml --extra dev --extra test 'mutmut>=3.8.1,<4'
	@touch $@

clean:  ## remove what was built and installed
	@rm -rf .venv .venv-* tests/compat/js/node_modules .aws-sam .relay build
