# Every target makes the environment it needs; a second run finds it there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CHECK_VENV := .venv-check
CHECK_BIN := $(CHECK_VENV)/bin
INSTALL := -m pip install --quiet --disable-pip-version-check -c constraints.txt
# Groups begin in the order that tests/tiers.py gives them.
PYTEST = $(BIN)/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder $(PYTEST_OPTIONS)

.PHONY: demo test test-rest test-all check support fuzz devices machines lowest bench clean

# Remade when the requirements change. Installed in place, so that edits count at once.
$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(INSTALL) -e '.[dev]'
	touch $@

# What reads the code needs no TensorFlow
$(CHECK_VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(CHECK_VENV)
	$(CHECK_BIN)/python $(INSTALL) -e '.[check]'
	touch $@

demo: $(VENV)/ready
	$(BIN)/lstm-edge demo --out demo

# Minutes: all tests but the long ones, of which each group has a case here (tests/tiers.py)
test: $(VENV)/ready
	$(PYTEST) -m 'not full'

# What `make test` leaves out
test-rest: $(VENV)/ready
	$(PYTEST) -m full

test-all: $(VENV)/ready
	$(PYTEST) --cov --cov-fail-under=90

check: $(CHECK_VENV)/ready
	$(CHECK_BIN)/ruff check .
	$(CHECK_BIN)/ruff format --check .
	$(CHECK_BIN)/mypy
	$(CHECK_BIN)/lint-imports
	$(CHECK_BIN)/python -m benchmarks.readme --check
	$(CHECK_BIN)/python scripts/schema_checks.py --check

# docs/support.md from a run of the conformance suite
support: $(VENV)/ready
	$(PYTEST) -q -k 'answers_as_keras or test_operations' tests/test_conformance.py tests/test_operations.py \
		--junitxml=build/conformance.xml
	$(BIN)/python -m benchmarks.support build/conformance.xml
	$(BIN)/python -m benchmarks.readme

# Five minutes over every reader of files from elsewhere; atheris has wheels for Linux on x86-64
fuzz: $(VENV)/ready
	$(BIN)/python $(INSTALL) atheris
	$(BIN)/python -m tests.fuzz --seconds 300

# Real environments with one runtime each and no TensorFlow (takes packages from the registry)
devices: $(VENV)/ready
	$(BIN)/python scripts/device_check.py --python $(PYTHON)

# Emulated ARM processors and a bare system; then other Pythons and the lowest versions that a device may have
machines: $(VENV)/ready
	$(BIN)/python -m benchmarks.machines
	$(BIN)/python scripts/device_check.py --others

# What stands in pyproject.toml as the lowest versions, with what they need. uv takes no heed of a release
# that refuses a newer Python, as backports.strenum 1.3 does.
lowest: $(CHECK_VENV)/ready
	$(CHECK_BIN)/python $(INSTALL) uv
	echo 'backports.strenum<1.3' | $(CHECK_BIN)/uv pip compile --quiet --resolution lowest-direct \
		--python-version 3.11 --extra onnx --extra tflite --extra report --no-annotate \
		--custom-compile-command 'make lowest' --constraints - pyproject.toml -o constraints-lowest.txt

clean:
	rm -rf $(VENV) $(CHECK_VENV) .machines demo build dist *.egg-info

# Every route that a machine can have, for one input, in an environment of its own: OpenVINO and PyTorch
BENCH_VENV := .venv-bench
$(BENCH_VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python $(INSTALL) -e '.[train,bench]' pytest pytest-xdist
	touch $@

.PHONY: bench-check
bench-check: $(BENCH_VENV)/ready
	$(BENCH_VENV)/bin/python -m pytest -q -k takes_one_input tests/test_benchmarks.py
