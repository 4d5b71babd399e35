# Everything runs in a virtual environment, which the first target that needs it creates.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
# Modules are compiled to bytecode when they are imported, and most of them never are.
INSTALL := $(PIP) install --quiet --no-compile
PYTEST := -m pytest -n auto --dist worksteal
# Tests start many processes, each of which would compile all modules that it imports.
unexport PYTHONDONTWRITEBYTECODE
DEMO_MODEL := build/kjv.w2v

.PHONY: demo test test-exhaustive test-examples test-quick test-nojit test-browser test-cluster \
	test-frameworks test-notebooks lint types docs docs-serve docs-update dist bench scaling fuzz soak clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	@mkdir -p build
	$(BIN)/w2v train corpus/kjv.txt -o $(DEMO_MODEL) --overwrite
	@for word in jerusalem wisdom mother gold; do \
		echo; $(BIN)/w2v similar $(DEMO_MODEL) $$word -n 5 || exit 1; done
	@echo; echo "man is to woman as brother is to:"
	@$(BIN)/w2v analogy $(DEMO_MODEL) man woman brother -n 3

test: $(VENV)/installed-dev
	$(BIN)/python $(PYTEST)

# More cases and repetitions of slow tests, such as 50 killed trainings, with the compiler only.
test-exhaustive: $(VENV)/installed-dev
	$(BIN)/python $(PYTEST) -m exhaustive

# Ten times as many examples for all tests of properties.
test-examples: $(VENV)/installed-dev
	$(BIN)/python $(PYTEST) -m hypothesis --hypothesis-profile exhaustive

# The tests to run while editing, or those of them in QUICK: all but those marked slow. The tests in two directories are all
# slow, and not even collected.
test-quick: $(VENV)/installed-dev
	$(BIN)/python $(PYTEST) -m "not slow" --ignore tests/guarantees --ignore tests/scripts $(QUICK)

# All tests with the kernels as plain Python, so that coverage sees inside them.
test-nojit: $(VENV)/installed-dev
	NUMBA_DISABLE_JIT=1 $(BIN)/python $(PYTEST) -m "not slow" --cov

# Training on a Ray cluster of several nodes, all on this machine.
test-cluster: $(VENV)/installed-dev
	$(INSTALL) --editable '.[ray]'
	$(BIN)/python -m pytest tests/cluster

# The map in a headless Chromium, if there is one: apt-get install chromium
test-browser: $(VENV)/installed-dev
	$(BIN)/python -m pytest tests/browser

# The examples in the documentation with the frameworks themselves, which take some gigabytes.
test-frameworks: $(VENV)/installed-frameworks
	$(BIN)/python -m pytest tests/frameworks
	$(BIN)/python -m pytest tests/guarantees/test_full_disk.py -k keras

# The notebooks of the documentation, run from top to bottom.
test-notebooks: $(VENV)/installed-frameworks
	$(INSTALL) --group notebooks
	$(BIN)/python -m pytest tests/notebooks

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

# The documentation as a site in build/site. Any dead link or undocumented public name is an error.
docs: $(VENV)/installed-docs
	$(BIN)/zensical build --clean --strict
	$(BIN)/python -m scripts.docs.check_site build/site

docs-serve: $(VENV)/installed-docs
	$(BIN)/zensical serve

# Write the generated parts of the documentation again: option tables, formats, commands, picture.
docs-update: $(VENV)/installed-dev
	$(BIN)/python -m scripts.docs.generate

# The source distribution and the wheel, checked.
dist: $(VENV)/installed-dist
	rm -rf dist
	$(BIN)/python -m build --quiet
	$(BIN)/twine check --strict dist/*
	$(BIN)/python -m scripts.docs.check_dist dist

# A text, and options of scripts/bench/benchmark.py: make bench BENCH="corpus.txt --repeats 5"
bench: $(VENV)/installed-bench
	$(BIN)/python -m scripts.bench.benchmark $(BENCH)

# The same for scripts/bench/scaling.py.
scaling: $(VENV)/installed-bench
	$(BIN)/python -m scripts.bench.scaling $(SCALING)

# Damaged files for every reader: make fuzz FUZZ="--seconds 600". Guided by coverage if
# atheris can be installed.
fuzz: $(VENV)/installed-dev
	@$(INSTALL) --group fuzz || echo "left out: atheris"
	$(BIN)/python -m scripts.fuzz $(FUZZ)

# Repeated runs in one process: make soak SOAK="--calls 10000".
soak: $(VENV)/installed-dev
	$(BIN)/python -m scripts.soak $(SOAK)

clean:
	rm -rf $(VENV) build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Dependency groups need pip 25.1.
$(VENV)/created:
	$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/installed: $(VENV)/created pyproject.toml hatch_build.py
	$(INSTALL) --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/created pyproject.toml hatch_build.py
	$(INSTALL) --editable '.[parquet,safetensors,zst]' --group dev
	@touch $@ $(VENV)/installed

$(VENV)/installed-docs: $(VENV)/installed
	$(INSTALL) --group docs
	@touch $@

$(VENV)/installed-dist: $(VENV)/created pyproject.toml
	$(INSTALL) --group dist
	@touch $@

# One by one, so that a framework without a wheel for this Python does not stop the others.
$(VENV)/installed-frameworks: $(VENV)/installed-dev tests/frameworks/requirements.txt
	@grep -v '^#' tests/frameworks/requirements.txt | while read -r package; do \
		$(INSTALL) "$$package" || echo "left out: $$package"; done
	@touch $@

# fastText has no wheel for every machine; the benchmark then reports that it is left out.
$(VENV)/installed-bench: $(VENV)/installed
	$(INSTALL) --group bench || $(INSTALL) gensim matplotlib
	@touch $@
