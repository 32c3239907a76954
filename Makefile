# Every target makes the environment it needs; a second run finds it there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check support devices bench clean

# Remade when the requirements change. Installed in place, so that edits count at once.
$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(VENV)/ready
	$(BIN)/lstm-edge demo --out demo

test: $(VENV)/ready
	$(BIN)/python -m pytest -n auto --dist loadgroup --cov --cov-fail-under=90

check: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m benchmarks.readme --check

# docs/support.md from a run of the conformance suite
support: $(VENV)/ready
	$(BIN)/python -m pytest -q -n auto --dist loadgroup -k answers_as_keras tests/test_conformance.py --junitxml=build/conformance.xml
	$(BIN)/python -m benchmarks.support build/conformance.xml
	$(BIN)/python -m benchmarks.readme

# Real environments with one runtime each and no TensorFlow (takes packages from the registry)
devices: $(VENV)/ready
	$(BIN)/python scripts/device_check.py --python $(PYTHON)

clean:
	rm -rf $(VENV) demo build dist *.egg-info
