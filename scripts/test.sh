#!/usr/bin/env bash
# Everything that must never break: lint, types, import rules, then the tests, the ones that need the whole machine by themselves.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

if ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing Chromium for the browser tests ..."
  (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk) >/dev/null 2>&1 ||
    echo "Chromium could not be installed; the browser tests will say that they are skipped."
fi

ruff check .
ruff format --check . || { echo "Run: .venv/bin/ruff format ."; exit 1; }
mypy
lint-imports --config pyproject.toml

# Files, not single tests, are spread over the cores: a module's fixtures are made once.
pytest -n 2 --dist loadfile -m "not alone" "$@"
pytest -m alone "$@"
