# One command each: `make ask Q="…"` answers a question, `make test` runs the tests. Both set up what they need.
PYTHON ?= python3
VENV ?= .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
export Q
export HF_HUB_OFFLINE := 1

.PHONY: ask test lint format eval bench clean

ask: $(READY)
	@$(BIN)/ask "$$Q" || [ $$? -eq 3 ]

test: $(READY)
	$(BIN)/python -m pytest --cov --cov-report=term
	$(BIN)/rag eval --gate eval/results/gold.json

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

eval: $(READY)
	$(BIN)/rag eval --out eval/results/gold.json

bench: $(READY)
	$(BIN)/rag bench cold
	$(BIN)/rag bench first

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .coverage* .hypothesis
