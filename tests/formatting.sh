#!/usr/bin/env bash
# Every C++ and CUDA file is as clang-format, the first argument, writes it.
set -euo pipefail
cd "$(dirname "$0")/.."

find benchmarks examples nflayers plugins runtime tests -name '*.h' -o -name '*.cc' -o -name '*.cu' |
  xargs -P 2 -n 64 "$1" --dry-run --Werror
