# `make demo`, `make train-demo` and `make test` are all that a fresh machine needs: Python 3.11, make, a compiler, PyPI, on
# Debian apt. `make demo PYTHON=python3.13` does the same with Blender 5.2 instead of 4.5, in an environment of its own.

PYTHON ?= python3.11
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
# The Pythons for which there is a bpy package.
VERSIONS := 3.11 3.13
# Where it is installed, `make test` has it make scenes too, with its own Blender (tests/blender/test_other_hosts.py).
OTHER_PYTHONS := python3.13 $(wildcard $(HOME)/.pyenv/versions/3.13*/bin/python3.13)
OTHER_PYTHON = $(firstword $(foreach python,$(OTHER_PYTHONS),$(shell $(python) --version >/dev/null 2>&1 && echo $(python))))
VENV := .venv$(addprefix -,$(filter-out 3.11,$(VERSION)))
BIN := $(VENV)/bin
LOCKS := requirements/$(VERSION)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# What the bpy wheel loads from the system; a desktop has it all.
LIBRARIES := libegl1 libgl1 libice6 libsm6 libx11-6 libxext6 libxfixes3 libxi6 libxkbcommon0 libxrender1
# A Blender that is not the wheel, a browser, clocks that jump, hosts whose link is cut, disks that are full, real furniture, and what
# trainer/cpp is built with.
TEST_PACKAGES := blender chromium cmake faketime iproute2 libstb-dev mount nlohmann-json3-dev sweethome3d-furniture
SOURCES := generator blender_scripts trainer tests benchmarks

.PHONY: install demo train-demo test lint viewer bench lock clean python libraries test-packages

install: $(VENV)/.installed

demo: install
	$(BIN)/scenegen assets build
	$(BIN)/scenegen generate --preset studio --scenes 8 --out demo/studio --profile
	$(BIN)/scenegen verify demo/studio
	$(BIN)/scenegen preview demo/studio --out demo
	@echo "Open demo/index.html; all scenes on one sheet: demo/contact_sheet.png"

train-demo: $(VENV)/.train-installed
	$(BIN)/scenegen assets build
	$(BIN)/scenegen generate --preset studio --scenes 64 --quality draft --out demo/train
	$(BIN)/scenegen generate --preset studio --scenes 8 --split test --quality draft --out demo/test
	$(BIN)/scenetrain fit --config tiny --data demo/train --test-data demo/test --out demo/run
	$(BIN)/scenetrain evaluate demo/run --data demo/test --split test
	@echo "Open demo/run/report.html"

test: $(VENV)/.test-installed $(VENV)/peers/.installed | test-packages
	@$(MAKE) --no-print-directory viewer/node_modules/.installed || echo "The page of scenegen view is tested as it is in the package, and not built again."
	@if command -v blender >/dev/null; then $(BIN)/scenegen blender-setup --blender blender; fi
	@if [ -n "$(OTHER_PYTHON)" ]; then $(MAKE) --no-print-directory install PYTHON=$(OTHER_PYTHON); fi
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: $(VENV)/.test-installed
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/mypy

# The page of `scenegen view`, from its sources; what it makes is under version control.
viewer: viewer/node_modules/.installed
	cd viewer && $(NODE) npm run --silent fix
	cd viewer && $(NODE) npm run --silent check
	cd viewer && $(NODE) npm run --silent build

# Node has a list of authorities of its own; a company's stands in the system's.
NODE = PATH="$(CURDIR)/$(BIN):$$PATH" NODE_EXTRA_CA_CERTS="$${NODE_EXTRA_CA_CERTS:-$(wildcard /etc/ssl/certs/ca-certificates.crt)}"
viewer/node_modules/.installed: viewer/package-lock.json | $(VENV)/.test-installed
	cd viewer && $(NODE) npm ci --no-audit --no-fund --ignore-scripts --loglevel=error --fetch-retries=1
	@touch $@

bench: $(VENV)/.test-installed
	@for script in $(filter-out benchmarks/train_gpu.py benchmarks/viewer.py benchmarks/ssz_gpu.py benchmarks/ssz_ablations.py benchmarks/ssz_by_heart.py benchmarks/hosts.py benchmarks/hosts_error.py benchmarks/throughput%,$(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

$(LOCKS)/generate.txt: | python

$(VENV)/.installed: $(LOCKS)/generate.txt pyproject.toml | python libraries
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "make: $(PYTHON) has no venv; on Debian: apt-get install python$(VERSION)-venv" >&2; exit 1; }
	$(BIN)/pip install --quiet --requirement $(LOCKS)/generate.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.train-installed: $(LOCKS)/train.txt $(VENV)/.installed
	$(BIN)/pip install --quiet --requirement $(LOCKS)/train.txt
	@touch $@

$(VENV)/.test-installed: $(LOCKS)/test.txt $(VENV)/.train-installed
	$(BIN)/pip install --quiet --requirement $(LOCKS)/test.txt
	@touch $@

# Programs whose pins are not ours, beside the packages of the tests.
$(VENV)/peers/.installed: requirements/peers.txt $(VENV)/.test-installed
	rm -rf $(VENV)/peers
	$(BIN)/pip install --quiet --no-deps --target $(VENV)/peers --requirement requirements/peers.txt
	@touch $@

# Write the pinned versions of this Python again: the newest that pyproject.toml allows, resolved all together so that each file
# agrees with the others; a file leaves out what the one before it pins. pip only resolves them, nothing is installed.
RESOLVE = build/lock/bin/pip install --quiet --dry-run --ignore-installed --report build/lock/report.json hatchling editables
PINS = build/lock/bin/python requirements/pins.py build/lock/report.json
lock: python
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	mkdir -p $(LOCKS)
	$(RESOLVE) '.[train,people,dev]'
	$(PINS) > build/lock/all.txt
	$(RESOLVE) --constraint build/lock/all.txt .
	$(PINS) > $(LOCKS)/generate.txt
	$(RESOLVE) --constraint build/lock/all.txt '.[train,people]'
	$(PINS) $(LOCKS)/generate.txt > $(LOCKS)/train.txt
	grep -vxFf $(LOCKS)/generate.txt build/lock/all.txt | grep -vxFf $(LOCKS)/train.txt > $(LOCKS)/test.txt

clean:
	rm -rf .venv .venv-* viewer/node_modules build dist demo .pytest_cache .mypy_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@test -n "$(filter $(VERSION),$(VERSIONS))" || { echo "make: Python 3.11 or 3.13 is needed (the bpy package has no other), $(PYTHON) is $(or $(VERSION),missing); name one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }

libraries:
	@$(call apt_install,$(LIBRARIES) python3-venv)

test-packages:
	@$(call apt_install,$(TEST_PACKAGES))

# On Debian and systems like it: install the missing packages as root; otherwise name them and continue.
define apt_install
command -v dpkg-query >/dev/null || exit 0; \
missing=; for package in $(1); do \
    dpkg-query --show --showformat='$${Status}' $$package 2>/dev/null | grep -q ' installed$$' || missing="$$missing $$package"; \
done; \
if [ -z "$$missing" ]; then exit 0; fi; \
if [ "$$(id -u)" = 0 ]; then \
    export DEBIAN_FRONTEND=noninteractive; apt-get -q update && apt-get -q install --yes --no-install-recommends $$missing; \
else echo "make: missing system packages; run: sudo apt-get install$$missing" >&2; fi
endef
