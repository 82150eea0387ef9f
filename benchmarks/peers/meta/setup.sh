#!/usr/bin/env bash
# A virtual environment with the peer's packages, from PyPI, in build/peers/meta (or the folder given).
set -euo pipefail
cd "$(dirname "$0")/../../.."
venv="${1:-build/peers/meta}"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check 'jax[cpu]==0.10.2' numpy
"$venv/bin/python" -c 'import jax; print("jax", jax.__version__, "in", "'"$venv"'")'
