# make install | run | test | torture | check | bench | quality | clean
PY ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# LlamaIndex needs an older openai than the tests: its example runs in an environment of its own.
LLAMAINDEX := .venv-llamaindex
# PyPI's torch for Linux brings several GB of CUDA packages; this index has the one without.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH := $(shell grep '^torch==' constraints.txt)
# How many processes run the tests; a file is never divided, and 0 runs all in one.
JOBS ?= 2
# Public collections that some tests use; without them those tests are skipped with a reason.
DATA := $(realpath ../shared/data)

.DEFAULT_GOAL := help
.PHONY: help install run test torture check bench quality clean

help:
	@echo "make install   make $(VENV)/ with ragsvc in it"
	@echo "make run       install, ingest corpora/handbook, serve on http://127.0.0.1:8000"
	@echo "make test      install, run every test"
	@echo "make torture   kill it, fill its disk and damage its files, hundreds of times"
	@echo "make check     ruff, mypy, import layers"
	@echo "make bench     measure and print ratios"
	@echo "make quality   measure what is found, answered and refused; ARGS=golden and ARGS=asked need no data"
	@echo "make clean     remove $(VENV)/, $(LLAMAINDEX)/ and caches (indexes/ stays)"

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "ragsvc needs Python 3.11 or newer: make install PY=python3.12" >&2; exit 1; }
	$(PY) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --retries 1 \
		--extra-index-url $(TORCH_INDEX) '$(TORCH)'
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[dev]'
	@touch $@

run: install
	$(BIN)/ragsvc ingest handbook corpora/handbook --prune
	$(BIN)/ragsvc serve

$(LLAMAINDEX)/.installed: examples/requirements-llamaindex.txt | $(STAMP)
	$(PY) -m venv --clear $(LLAMAINDEX)
	$(LLAMAINDEX)/bin/python -m pip install --disable-pip-version-check --quiet --retries 1 -r $<
	@touch $@

# One who names a Python with LlamaIndex needs no other; who names none skips its test.
ifeq ($(origin RAGSVC_LLAMAINDEX_PYTHON),undefined)
test: $(LLAMAINDEX)/.installed
test: export RAGSVC_LLAMAINDEX_PYTHON := $(CURDIR)/$(LLAMAINDEX)/bin/python
endif

test: install
	HF_HUB_OFFLINE=1 $(if $(DATA),RAGSVC_TEST_DATA=$${RAGSVC_TEST_DATA:-$(DATA)}) \
		$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

torture: install
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 RAGSVC_TORTURE=$${RAGSVC_TORTURE:-200} \
		$(BIN)/python -m pytest tests/torture -o timeout=1800 $(ARGS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.run $(ARGS)

quality: install
	HF_HUB_OFFLINE=1 $(if $(DATA),RAGSVC_TEST_DATA=$${RAGSVC_TEST_DATA:-$(DATA)}) \
		$(BIN)/python -m benchmarks.quality $(ARGS)

clean:
	rm -rf $(VENV) $(LLAMAINDEX) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
