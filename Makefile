# make demo   from a bare machine to scored cohorts, in minutes        make ui     Dagster and MLflow on the result
# make test   what CI runs, in minutes                               make test-all  also what builds whole platforms
# make lint   formatting, types, SQL                                 make lock   renew requirements.lock
# make bench  what each stage costs, and how well the models find the planted risks (AREA=truth PEOPLE=5000: its bar)
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: demo test test-all tests bench ui lint lock clean

VENV := .venv
READY := $(VENV)/.ready
TWIN := $(VENV)/bin/twin
PY := $(VENV)/bin/python
PEOPLE ?= 400
export TWIN_HOME ?= $(CURDIR)/twin_home
export DO_NOT_TRACK := 1
# Without byte code every process would compile its imports anew, which costs more than the work.
unexport PYTHONDONTWRITEBYTECODE

demo: $(READY)
	@$(TWIN) demo --people $(PEOPLE)

ui: $(READY)
	@$(TWIN) ui

test: $(READY)
	@$(MAKE) --no-print-directory -j 2 lint tests SELECT='-m "not slow"'

test-all: $(READY)
	@$(MAKE) --no-print-directory -j 2 lint tests

# A file's tests share what they build, so a file stays on one worker; the long ones start first (tests/conftest.py).
# A crashed worker ends the run: a worker started in its place can wait for ever (pytest-xdist issue 1378).
tests: $(READY)
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 --durations 15 $(SELECT)

bench: $(READY)
	@$(PY) -m tests.benchmarks --people $(PEOPLE) $(if $(AREA),--only $(AREA)) $(if $(KEEP),--keep)

lint: $(READY)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/sqlfmt --check --quiet transform

lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-strip-extras --fork-strategy fewest --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q -o requirements.lock

clean:
	rm -rf $(VENV) transform/target transform/logs

# The first Python from 3.11 to 3.13 that runs; uv installs faster where it is present, pip works everywhere.
$(READY): requirements.lock pyproject.toml
	@set -e; \
	for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	[ -n "$$found" ] || { echo "Python 3.11, 3.12 or 3.13 is needed; name one with: make demo PYTHON=/path/to/python" >&2; exit 1; }; \
	echo "Installing into $(VENV) with $$($$found --version) (once, about a minute) …"; \
	$$found -m venv --clear $(VENV); \
	if command -v uv >/dev/null 2>&1; then \
	  uv pip install --quiet --python $(PY) --require-hashes -r requirements.lock; \
	  uv pip install --quiet --python $(PY) --no-deps --no-build-isolation -e .; \
	else \
	  $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; \
	  $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi; \
	touch $@
