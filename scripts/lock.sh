#!/usr/bin/env bash
# Writes requirements/lock.txt and requirements/dev.txt, with hashes, for Python 3.11 to 3.13 on Linux and macOS. Needs uv.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
    --override requirements/overrides.txt --no-emit-package torch "$@"
}
compile pyproject.toml requirements/torch.in -o requirements/lock.txt
compile --all-extras -c requirements/lock.txt pyproject.toml requirements/torch.in -o requirements/dev.txt
