#!/usr/bin/env bash
# Makes a Python with DSPy, once for each version, and prints its path; about 20 s. The tests of saved programs that ask
# DSPy itself want it: TRUNKLINE_DSPY_PYTHON=$(scripts/dspy-python.sh) npx vitest run test/program/state
set -euo pipefail
version=3.4.1
home="${XDG_CACHE_HOME:-$HOME/.cache}/trunkline/dspy-$version"
python="$home/bin/python"

if ! "$python" -c "import dspy" 2>/dev/null; then
  rm -rf "$home"
  # uv installs what pip needs a minute for in ten seconds.
  { python3 -m venv "$home" && "$python" -m pip install --quiet uv && "$home/bin/uv" pip install --quiet --python "$python" "dspy==$version"; } >&2
fi
echo "$python"
