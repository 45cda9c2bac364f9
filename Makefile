# `make demo`, `make train-demo` and `make test` are all that a fresh machine needs: Python 3.11, make, a compiler, PyPI, on Debian apt.

PYTHON ?= python3.11
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# What the bpy wheel loads from the system; a desktop has it all.
LIBRARIES := libegl1 libgl1 libice6 libsm6 libx11-6 libxext6 libxfixes3 libxi6 libxkbcommon0 libxrender1
# A Blender that is not the wheel, clocks that jump, hosts whose link is cut, disks that are full, and real furniture.
TEST_PACKAGES := blender faketime iproute2 mount sweethome3d-furniture
SOURCES := generator blender_scripts trainer tests benchmarks

.PHONY: install demo train-demo test lint bench lock clean python libraries test-packages

install: .venv/.installed

demo: install
	$(BIN)/scenegen assets build
	$(BIN)/scenegen generate --preset studio --scenes 8 --out demo/studio --profile
	$(BIN)/scenegen verify demo/studio
	$(BIN)/scenegen preview demo/studio --out demo
	@echo "Open demo/index.html; all scenes on one sheet: demo/contact_sheet.png"

train-demo: .venv/.train-installed
	$(BIN)/scenegen assets build
	$(BIN)/scenegen generate --preset studio --scenes 64 --quality draft --out demo/train
	$(BIN)/scenegen generate --preset studio --scenes 8 --split test --quality draft --out demo/test
	$(BIN)/scenetrain fit --config tiny --data demo/train --test-data demo/test --out demo/run
	$(BIN)/scenetrain evaluate demo/run --data demo/test --split test
	@echo "Open demo/run/report.html"

test: .venv/.test-installed | test-packages
	@if command -v blender >/dev/null; then $(BIN)/scenegen blender-setup --blender blender; fi
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pytest

lint: .venv/.test-installed
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/mypy

bench: .venv/.test-installed
	@for script in $(filter-out benchmarks/train_gpu.py benchmarks/throughput%,$(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

.venv/.installed: requirements/generate.txt pyproject.toml | python libraries
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "make: $(PYTHON) has no venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/pip install --quiet --requirement requirements/generate.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.train-installed: requirements/train.txt .venv/.installed
	$(BIN)/pip install --quiet --requirement requirements/train.txt
	@touch $@

.venv/.test-installed: requirements/test.txt .venv/.train-installed
	$(BIN)/pip install --quiet --requirement requirements/test.txt
	@touch $@

# The pinned versions, anew: the newest that pyproject.toml allows, with the long-term Blender. Each file adds to the one before.
lock: python
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet hatchling editables "bpy<5"
	build/lock/bin/pip install --quiet .
	build/lock/bin/pip freeze --exclude scenegen > requirements/generate.txt
	build/lock/bin/pip install --quiet --constraint requirements/generate.txt '.[train,people]'
	build/lock/bin/pip freeze --exclude scenegen | grep -vxFf requirements/generate.txt | grep -v -e ^nvidia -e ^cuda -e ^triton > requirements/train.txt
	build/lock/bin/pip install --quiet --constraint requirements/generate.txt --constraint requirements/train.txt '.[dev]'
	build/lock/bin/pip freeze --exclude scenegen | grep -vxFf requirements/generate.txt | grep -vxFf requirements/train.txt | grep -v -e ^nvidia -e ^cuda -e ^triton > requirements/test.txt

clean:
	rm -rf .venv build dist demo .pytest_cache .mypy_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { echo "make: Python 3.11 is needed (the bpy package has no other); install python3.11, or name one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }

libraries:
	@$(call apt_install,$(LIBRARIES) python3-venv)

test-packages:
	@$(call apt_install,$(TEST_PACKAGES))

# On Debian and its kin: install what lacks where one may, else say what lacks and go on.
define apt_install
command -v dpkg-query >/dev/null || exit 0; \
lacking=; for package in $(1); do \
    dpkg-query --show --showformat='$${Status}' $$package 2>/dev/null | grep -q ' installed$$' || lacking="$$lacking $$package"; \
done; \
if [ -z "$$lacking" ]; then exit 0; fi; \
if [ "$$(id -u)" = 0 ]; then \
    export DEBIAN_FRONTEND=noninteractive; apt-get -q update && apt-get -q install --yes --no-install-recommends $$lacking; \
else echo "make: may lack$$lacking; sudo apt-get install$$lacking" >&2; fi
endef
