#!/usr/bin/env bash
# A virtual environment with nfn from PyPI in build/peers/nfn (or the folder given). It uses the PyTorch that
# scripts/setup fetched: nfopt and nfn then run on the same LibTorch. Needs Python 3.11, for which that PyTorch was built.
set -euo pipefail
cd "$(dirname "$0")/../../.."
venv="${1:-build/peers/nfn}"
torch="${NFOPT_LIBTORCH:-${NFOPT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nfopt}/libtorch-2.11.0}"
python=$(command -v python3.11) || { echo "[peers] nfn needs Python 3.11, which is not on the PATH." >&2; exit 2; }
[ -e "$torch/torch/__init__.py" ] || { echo "[peers] No PyTorch in '$torch'. Run scripts/setup first." >&2; exit 2; }
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps 'nfn==0.1.2'
"$venv/bin/pip" install --quiet --disable-pip-version-check numpy einops filelock typing_extensions sympy networkx jinja2 fsspec
echo "$torch" > "$("$venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')/libtorch.pth"
"$venv/bin/python" -c 'import torch, nfn.layers; print("nfn on torch", torch.__version__, "in", "'"$venv"'")'
