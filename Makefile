# make demo      set up .venv and run the main job
# make test      set up .venv and run the quick tests; make test-all runs the slow ones too
# make soundness random models against quadrature and enumeration, N=10000
# make lint      ruff, ruff format, pyright
# make docs      the documentation, warnings as errors
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
OUT ?= demo-output
N ?= 10000
MIN := 3.12
NEEDED := import sys; sys.exit(sys.version_info < (3, 12))

# The first interpreter that runs and is new enough: on PATH, else under pyenv's versions. A pyenv shim may exist and not run.
define find_python
for p in python3.14 python3.13 python3.12 python3 python; do \
  command -v $$p >/dev/null 2>&1 && $$p -c '$(NEEDED)' >/dev/null 2>&1 && { command -v $$p; exit 0; }; \
done; \
for root in "$${PYENV_ROOT:-}" "$$(pyenv root 2>/dev/null)" "$$HOME/.pyenv"; do \
  [ -d "$$root/versions" ] || continue; \
  for v in $$(ls "$$root/versions" | sort -rV); do \
    p="$$root/versions/$$v/bin/python"; \
    [ -x "$$p" ] && "$$p" -c '$(NEEDED)' >/dev/null 2>&1 && { echo "$$p"; exit 0; }; \
  done; \
done; \
exit 1
endef

.PHONY: demo test test-all soundness lint docs clean venv
.DEFAULT_GOAL := test

$(PY):
	@python=$$($(find_python)) || { \
	  echo "symjax needs Python $(MIN) or newer, and none was found on PATH or under pyenv's versions."; \
	  echo "Install one (python.org, your system's packages, or 'pyenv install 3.13') and run make again."; exit 1; }; \
	echo "making $(VENV) with $$python"; \
	"$$python" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.demo: pyproject.toml | $(PY)
	@echo "installing symjax into $(VENV)"
	@$(PY) -m pip install -qq -e ".[plots]"
	@touch $@

$(VENV)/.test: pyproject.toml | $(PY)
	@echo "installing symjax and what its tests need into $(VENV)"
	@$(PY) -m pip install -qq -e ".[plots,test]"
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: pyproject.toml | $(PY)
	@echo "installing symjax and what its documentation needs into $(VENV)"
	@$(PY) -m pip install -qq -e ".[plots,docs]"
	@touch $@

venv: $(VENV)/.test

demo: $(VENV)/.demo
	@$(PY) -m symjax.demo --out $(OUT)

test: $(VENV)/.test
	@$(PY) -m pytest -q -n auto --dist loadfile

test-all: $(VENV)/.test
	@$(PY) -m pytest -q -n auto --dist loadfile -m ""

soundness: $(VENV)/.test
	@$(PY) -m tests.soundness $(N)

lint: $(VENV)/.test
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m pyright

docs: $(VENV)/.docs
	@$(PY) -m sphinx -q -W -b html docs docs/_build/html
	@echo "wrote docs/_build/html/index.html"

clean:
	@rm -rf $(VENV) docs/_build docs/api/generated demo-output build dist *.egg-info
