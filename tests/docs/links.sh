#!/usr/bin/env bash
# Every relative link of every page of this repository leads to a file.
set -euo pipefail
cd "$(dirname "$0")/../.."

broken=0
while IFS= read -r page; do
  while IFS= read -r target; do
    target=${target%%#*}
    [ -n "$target" ] || continue  # a heading of the same page
    [ -e "$(dirname "$page")/$target" ] || { echo "$page: no file '$target'"; broken=1; }
  done < <(sed -e '/^```/,/^```/d' "$page" | grep -oE '\]\([^)[:space:]]+\)' | sed -e 's/^](//' -e 's/)$//' | grep -vE '^[a-z]+://' || true)
done < <(find . -path ./build -prune -o -path ./runs -prune -o -name '*.md' -print)
exit $broken
