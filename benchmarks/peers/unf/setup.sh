#!/usr/bin/env bash
# The comparison needs jax and numpy: the virtual environment of benchmarks/peers/meta, in build/peers/meta.
exec "$(dirname "$0")/../meta/setup.sh" "$@"
