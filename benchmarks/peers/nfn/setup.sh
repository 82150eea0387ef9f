#!/usr/bin/env bash
# A virtual environment with nfn and its PyTorch from PyPI, in build/peers/nfn (or the folder given). The same PyTorch
# release as nfopt's LibTorch, so that both call the same kernels; about 5 GB with the CUDA libraries that it brings.
set -euo pipefail
cd "$(dirname "$0")/../../.."
venv="${1:-build/peers/nfn}"
python=$(command -v python3.11) || { echo "[peers] nfn needs Python 3.11, which is not on the PATH." >&2; exit 2; }
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir 'torch==2.11.0' 'nfn==0.1.2' numpy
"$venv/bin/python" -c 'import torch, nfn.layers; print("nfn 0.1.2 on torch", torch.__version__, "in", "'"$venv"'")'
