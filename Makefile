# `make book` builds the book with your own run in it, `make book PROFILE=afternoon` with a larger one; `make test` passes the
# tests. All set everything up.
.DEFAULT_GOAL := book
.PHONY: book pdf test fuzz check-book check-install colab lint notebooks release clean
VENV := .venv
PY := $(VENV)/bin/python
COLAB := _build/colab/bin/python
PROFILE ?= quick
export OMP_WAIT_POLICY := PASSIVE
export PIP_USER := 0
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PYTHONHOME
# An environment whose Python is gone, or another by now, is made anew.
WORKS := $(shell $(PY) -c 'import os, sysconfig; os.listdir(sysconfig.get_path("purelib"))' 2>/dev/null && echo yes || rm -f $(VENV)/ready)

book: $(VENV)/ready
	@start=$$(date +%s); $(PY) -m mstask run --profile $(PROFILE) && middle=$$(date +%s) && \
	$(PY) -m mstask book && end=$$(date +%s) && \
	echo "run: $$((middle - start)) s, book: $$((end - middle)) s"

pdf: $(VENV)/ready
	@$(PY) -m mstask book --pdf

# A worker per core; each that is done takes over tests of one that isn't.
test: $(VENV)/ready
	$(PY) -m pytest --numprocesses logical --maxprocesses 8 --dist worksteal

fuzz: $(VENV)/ready
	$(PY) -m pytest -m hypothesis --hypothesis-profile=fuzz

check-book: $(VENV)/ready
	CHECK_BOOK=1 $(PY) -m pytest tests/test_book_bytes.py

lint: $(VENV)/ready
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/lint-imports --no-cache

notebooks: $(VENV)/ready
	$(PY) -m mstask notebooks

release: $(VENV)/ready
	$(PY) -m mstask release

check-install: $(VENV)/ready
	CHECK_INSTALL=1 $(PY) -m pytest tests/test_installed.py

colab: $(VENV)/ready
	$(PY) -m venv _build/colab
	$(PY) -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $$($(COLAB) -c "import sysconfig; print(sysconfig.get_path('purelib'))")/tested.pth
	$(COLAB) -m pip install --disable-pip-version-check -r requirements-colab.txt
	rm -rf _build/colab/results
	for name in ablation hetsyn; do \
	  MSTASK_RESULTS=_build/colab/results $(COLAB) -m papermill notebooks/$$name.ipynb _build/colab/$$name.ipynb -p profile smoke || exit 1; \
	done

clean:
	rm -rf _build

$(VENV)/ready: requirements.txt constraints.txt pyproject.toml
	@start=$$(date +%s); \
	for python in python3 python3.13 python3.12 python3.11; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; \
	done; \
	if [ -z "$$python" ]; then echo "mstask needs Python 3.11 or newer: install python3 (Debian, Ubuntu: apt install python3 python3-venv)." >&2; exit 1; fi; \
	if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then echo "Python's venv module is missing: install it (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; fi; \
	echo "Setting up $(VENV): about 2 GB, a minute or two ..."; \
	"$$python" -m venv $(if $(WORKS),,--clear) $(VENV) && $(PY) -m pip install --disable-pip-version-check -r requirements.txt -c constraints.txt -e . && \
	touch $@ && echo "set-up: $$(($$(date +%s) - start)) s"
