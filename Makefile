# What a newcomer types. Everything is installed in .venv/.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
NEEDS_bluez := qemu-system-x86 debootstrap busybox-static cpio kmod e2fsprogs
NEEDS_deb := debootstrap
NEEDS_arm64 := debootstrap qemu-user-static
INSTALL := $(PIP) install --require-hashes --only-binary :all: --requirement

.PHONY: help demo test test-bluez check bench prove deb ui install-demo install-dev install-bench packages lock

help:  ## print this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo: install-demo ui  ## run the whole of Vicino here (ARGS="--patients 200 --days 60 --for 120")
	$(BIN)/vicino-sim demo $(ARGS)

check: install-dev ui  ## format, lint, strict types, import rules, generated texts fresh
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m contract.asyncapi --check
	$(BIN)/python -m contract.devices --check

test: install-dev packages ui  ## everything that runs in CI (PYTEST="-k name" for a part)
	$(BIN)/pytest --numprocesses 2 --dist loadfile $(PYTEST)

deb: install-dev ui  ## the gateway's Debian package, into build/ (ARCH=arm64)
	$(BIN)/python deploy/gateway/debian/build.py --arch $(or $(ARCH),amd64)

test-bluez: install-dev  ## the gateway on real BlueZ, in a virtual machine
	@sh tests/packages.sh $(NEEDS_bluez)
	$(BIN)/pytest -m bluez tests/bluez $(PYTEST)

bench: install-bench  ## print ratios; exit 1 when a limit is missed (PART=engine|backtest|pages|…)
	$(BIN)/python -m benchmarks $(PART)

prove: install-dev packages ui  ## the long campaigns (PART=order|kills|power|bluez|deb|arm64|soak|mutation|team)
	@$(if $(NEEDS_$(firstword $(PART))),sh tests/packages.sh $(NEEDS_$(firstword $(PART))))
	$(BIN)/python -m tests.prove $(PART)

ui: $(BIN)/activate  ## build the pages' assets
	@$(BIN)/python hatch_build.py

install-demo: .venv/.installed-demo
install-dev: .venv/.installed-dev
install-bench: .venv/.installed-bench

.venv/.installed-demo: $(BIN)/activate requirements/demo.txt pyproject.toml
	$(INSTALL) requirements/demo.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.installed-dev: $(BIN)/activate requirements/dev.txt pyproject.toml
	$(INSTALL) requirements/dev.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ .venv/.installed-demo

.venv/.installed-bench: .venv/.installed-dev requirements/bench.txt
	$(INSTALL) requirements/bench.txt
	@touch $@

$(BIN)/activate:
	$(PYTHON) -m venv .venv

packages:  ## what the tests need beside Python, where it can be installed
	@sh tests/packages.sh

lock: $(BIN)/activate  ## write the lock files anew
	$(PIP) install uv
	for extra in gateway demo dev bench; do $(BIN)/uv pip compile --quiet --universal --generate-hashes \
	  --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	  --extra $$extra --output-file requirements/$$extra.txt pyproject.toml || exit 1; done
