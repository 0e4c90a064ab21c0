# Everything a person runs. `make help` lists the targets; each sees to its own set-up.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PEERS  := .venv-peers
DATA   ?=
OUT    ?=
ARGS   ?=

# Without bytecode files every process compiles Beam anew, six seconds of it; so they are written,
# whatever the environment says.
export PYTHONDONTWRITEBYTECODE :=

# Beam asks for pillow<13, but 13.0.0 fixes critical faults in decoders, so the lock overrides it.
# That is why the lock is installed with --no-deps: it is complete, and nothing is left to resolve.
# google-apitools is the one package without a wheel for this Python; it is pure Python.
WHEELS := --only-binary :all: --no-binary google-apitools

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-kit bench bench-text peers lint format constraints clean
.DELETE_ON_ERROR:

help:  ## list the targets
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@echo "  DATA=dir and OUT=dir are for make demo; ARGS='...' is passed on to pytest or the benchmarks"

setup: $(READY)  ## create .venv with everything pinned in constraints.txt, and install castor in it
	@:

# uv is about ten times faster than pip, and a wheel itself: use the one that is there, else
# install it into the new environment, else go on with pip.
$(READY): setup.cfg setup.py pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "make setup: no $(PYTHON) on PATH. Castor's lock is for Python 3.11; install it," \
	       "or give its path: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(BIN)/python -c pass 2>/dev/null || { \
	  echo "setup: creating $(VENV)"; \
	  rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); }
	@uv=uv; $$uv --version >/dev/null 2>&1 || uv=$(BIN)/uv; \
	if ! $$uv --version >/dev/null 2>&1; then \
	  echo "setup: installing uv into $(VENV)"; \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps \
	    --only-binary :all: "$$(grep '^uv==' constraints.txt)" || \
	    echo "setup: uv is not to be had; using pip, which takes a few minutes longer" >&2; \
	fi; \
	echo "setup: installing $$(grep -c == constraints.txt) pinned packages (3.6 GB in all)"; \
	if $$uv --version >/dev/null 2>&1; then \
	  $$uv pip install -q --python $(BIN)/python --no-deps $(WHEELS) \
	    --build-constraints constraints.txt -r constraints.txt && \
	  $$uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
	  PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install -q --no-deps $(WHEELS) \
	    --disable-pip-version-check -r constraints.txt && \
	  $(BIN)/python -m pip install -q --no-deps --no-build-isolation \
	    --disable-pip-version-check -e .; \
	fi
	@rm -rf castor.egg-info  # a stale one in the working directory shadows what is installed
	@mkdir -p .src && ln -sfn .. .src/castor  # type checkers cannot follow an editable install
	@echo "setup: compiling kernels"
	@$(BIN)/python -m castor.pipelines.warm
	@touch $@
	@echo "setup: done. Try: make demo, or $(BIN)/castor --help"

demo: setup  ## run the whole chain (DATA=dir: on your own files; OUT=dir: where it is written)
	@$(BIN)/castor demo $(if $(OUT),"$(OUT)") $(if $(DATA),--data "$(DATA)")

test: setup  ## run the tests
	@$(BIN)/python -m pytest -m "not kit" -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-kit: setup  ## run the checks on a whole data kit (CASTOR_DATA=dir, else ../shared/data)
	@$(BIN)/python -m pytest -m kit $(ARGS)

bench: setup  ## run the benchmarks
	@$(BIN)/python tests/bench/run.py $(ARGS)

bench-text: setup  ## run the benchmarks of text beside their peers (after make peers)
	@$(BIN)/python tests/bench/run.py signals profiles extraction language classifiers safety \
	  books code web $(ARGS)

peers: $(PEERS)/.ready  ## install the tools that benchmarks compare with, in .venv-peers
	@:

$(PEERS)/.ready: tests/bench/peers/requirements.txt | $(READY)
	@rm -rf $(PEERS) && $(PYTHON) -m venv --without-pip $(PEERS)
	@echo "peers: installing $$(grep -c == $<) pinned packages (0.8 GB)"
	@uv=uv; $$uv --version >/dev/null 2>&1 || uv=$(BIN)/uv; \
	$$uv pip install -q --python $(PEERS)/bin/python --no-deps --only-binary :all: -r $<
	@touch $@

lint: setup  ## check format, lint and types; change nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: setup  ## format the code and fix what can be fixed without thinking
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# The header stays, the pins are made anew from setup.cfg; try make test before you commit them.
constraints: setup  ## resolve setup.cfg again, to the newest versions, and write constraints.txt
	@sed -n '/^#/p' constraints.txt > constraints.tmp
	@$(BIN)/python -c "import configparser as c; s = c.ConfigParser(); s.read('setup.cfg'); \
	  extras = dict(s['options.extras_require']); del extras['all']; \
	  print(s['options']['install_requires'], *extras.values(), sep='\n')" > requirements.tmp
	@echo 'pillow>=13.0.0' > override.tmp
	@$(BIN)/uv pip compile -q --python $(BIN)/python $(WHEELS) --override override.tmp \
	  --no-header --no-annotate --upgrade requirements.tmp >> constraints.tmp
	@rm requirements.tmp override.tmp && mv constraints.tmp constraints.txt

clean:  ## remove the environment and everything that tools left behind
	@rm -rf $(VENV) $(PEERS) .src build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis *.tmp
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
