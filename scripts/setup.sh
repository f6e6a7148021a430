#!/usr/bin/env bash
# Makes .venv with everything the lock file names. `setup.sh dev` adds what the tests need. Safe to run again: it does nothing when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."
extra="${1:-run}"
lock="requirements/lock.txt"
[ "$extra" = dev ] && lock="requirements/dev.txt"
torch="2.13.0"

stamp_now="$(cat "$lock" pyproject.toml scripts/setup.sh | cksum) torch=${FORBEAR_TORCH:-cpu}"
for done_as in dev "$extra"; do
  if [ -x .venv/bin/forbear ] && [ -f ".venv/.stamp-$done_as" ] && [ "$(cat ".venv/.stamp-$done_as")" = "$stamp_now" ]; then exit 0; fi
done

find_python() {
  for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      echo "$candidate"; return
    fi
  done
  echo "Forbear needs Python 3.11, 3.12 or 3.13. Install one (Debian: apt-get install python3 python3-venv; macOS: brew install python@3.13), or name it: PYTHON=/path/to/python make setup" >&2
  exit 1
}

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
  python="$(find_python)"
  echo "Setting up .venv with $("$python" --version) ..."
  if ! "$python" -m venv .venv 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
      "$python" -m venv --clear .venv
    else
      echo "$python cannot make a virtual environment. On Debian: apt-get install python3-venv" >&2; exit 1
    fi
  fi
fi

pip() { .venv/bin/python -m pip --disable-pip-version-check --quiet "$@"; }

# torch first and by itself: which build is right depends on the machine, so it can't stand under one set of hashes.
# A CPU build that is there does not serve who asks for CUDA.
if ! .venv/bin/python -c "
import sys, importlib.metadata as m
there = m.version('torch')
sys.exit(not there.startswith('$torch') or ('${FORBEAR_TORCH:-cpu}' == 'cuda' and there.endswith('+cpu')))" 2>/dev/null; then
  echo "Installing torch $torch ..."
  if [ "$(uname -s)" = Linux ] && [ "${FORBEAR_TORCH:-cpu}" != cuda ]; then
    pip install --no-deps --no-index "torch==$torch" 2>/dev/null ||
      pip install --no-deps "torch==$torch" --index-url https://download.pytorch.org/whl/cpu
  elif [ "$(uname -s)" = Linux ]; then
    pip install "torch==$torch"   # with the CUDA libraries it names
  else
    pip install --no-deps "torch==$torch"
  fi
fi

echo "Installing the locked packages ($lock) ..."
pip install --require-hashes --no-deps -r "$lock"
pip install --no-deps --no-build-isolation --editable .
echo "$stamp_now" > ".venv/.stamp-$extra"
