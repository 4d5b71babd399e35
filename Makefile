# Everything runs in a virtual environment of its own; the first target that needs it makes it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST := -m pytest -n auto --dist worksteal
DEMO_MODEL := build/kjv.w2v

.PHONY: demo test test-nojit test-frameworks lint types bench scaling fuzz soak clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	@mkdir -p build
	$(BIN)/w2v train corpus/kjv.txt -o $(DEMO_MODEL) --epochs 20 --sample 1e-3 --window 5 --overwrite
	@for word in jerusalem wisdom mother gold; do \
		echo; $(BIN)/w2v similar $(DEMO_MODEL) $$word -n 5 || exit 1; done
	@echo; echo "man is to woman as brother is to:"
	@$(BIN)/w2v analogy $(DEMO_MODEL) man woman brother -n 3

test: $(VENV)/installed-dev
	$(BIN)/python $(PYTEST)

# The same tests with the kernels as plain Python, so that coverage sees inside them.
test-nojit: $(VENV)/installed-dev
	NUMBA_DISABLE_JIT=1 $(BIN)/python $(PYTEST) --cov

# The README's snippets with the frameworks themselves, which take some gigabytes.
test-frameworks: $(VENV)/installed-frameworks
	$(BIN)/python -m pytest tests/frameworks
	$(BIN)/python -m pytest tests/test_full_disk.py -k keras

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

# A text, and options of scripts/bench/benchmark.py: make bench BENCH="corpus.txt --repeats 5"
bench: $(VENV)/installed-bench
	$(BIN)/python -m scripts.bench.benchmark $(BENCH)

# The same for scripts/bench/scaling.py.
scaling: $(VENV)/installed-bench
	$(BIN)/python -m scripts.bench.scaling $(SCALING)

# Damaged files for every reader: make fuzz FUZZ="--seconds 600". Guided by coverage, where atheris
# can be installed.
fuzz: $(VENV)/installed-dev
	@$(BIN)/python -m pip install --quiet --editable '.[fuzz]' || echo "left out: atheris"
	$(BIN)/python -m scripts.fuzz $(FUZZ)

# Trainings without end in one process: make soak SOAK="--calls 10000".
soak: $(VENV)/installed-dev
	$(BIN)/python -m scripts.soak $(SOAK)

clean:
	rm -rf $(VENV) build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/created:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/created pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/created pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/installed

# One by one: a framework without a wheel for this Python does not keep the others away.
$(VENV)/installed-frameworks: $(VENV)/installed-dev tests/frameworks/requirements.txt
	@grep -v '^#' tests/frameworks/requirements.txt | while read -r package; do \
		$(BIN)/python -m pip install --quiet "$$package" || echo "left out: $$package"; done
	@touch $@

# fastText has no wheel for every machine; the benchmark then says that it is left out.
$(VENV)/installed-bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[bench]' \
		|| $(BIN)/python -m pip install --quiet gensim matplotlib
	@touch $@
