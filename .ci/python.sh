#!/bin/sh
# The Python package as a user installs it, with its tests and notebooks; a profile that builds fast.
set -eu
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$(pwd)/target}"

(cd python && cargo fmt --check)
# Shares what the lints of the main package have checked.
(cd python && cargo clippy --locked -- -D warnings)

venv="$(mktemp -d)"
trap 'rm -rf "$venv"' EXIT
if ! python3 -m venv --system-site-packages "$venv" >/dev/null 2>&1; then
  command -v apt-get >/dev/null && apt-get install -y -qq python3-venv >/dev/null 2>&1 || true
  if ! python3 -m venv --system-site-packages "$venv" >/dev/null 2>&1; then
    echo "skipped: python3 cannot make a virtual environment"
    exit 0
  fi
fi
python="$venv/bin/python"
if ! "$python" -m pip install -q 'maturin>=1.9,<2' >/dev/null 2>&1; then
  echo "skipped: the package index cannot be reached"
  exit 0
fi
"$python" -m pip install -q --config-settings=build-args="--profile ci" '.[test]'
# PyTorch and JAX are there if the machine has them; their tests say so where they are not.
"$python" -m pytest -q -rs --durations=5
