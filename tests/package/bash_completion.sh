#!/usr/bin/env bash
# bash_completion.sh PREFIX: what the completion of the installation in PREFIX offers.
set -u  # not -e: compgen fails where it has nothing to offer
prefix=$1
type complete compgen >/dev/null 2>&1 || { echo "this bash cannot complete"; exit 77; }
# shellcheck disable=SC1091
source "$prefix/share/bash-completion/completions/nfopt"
cd "$prefix" || exit 2

offers() {  # offers "words already there" "beginning" expected...
  local words beginning=$2
  read -ra words <<<"$1"
  COMP_WORDS=("$prefix/bin/nfopt" "${words[@]}" "$beginning")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  _nfopt
  local expected
  for expected in "${@:3}"; do
    [[ " ${COMPREPLY[*]} " == *" $expected "* ]] ||
      { echo "after '$1', '$beginning': expected '$expected', received: ${COMPREPLY[*]}"; exit 1; }
  done
}

offers "" "" plugin spec train compare checkpoint
offers "" "tr" train
offers "" "z" zoo
offers "zoo" "--re" --resume
offers "plugin" "" list inspect check new
offers "train" "--re" --resume
offers "plugin check" "" mlp transformer siren
offers "plugin check" "--f" --filter
offers "plugin check --only" "function" function-unchanged
offers "spec show" "res" resnet
COMPREPLY=()
offers "plugin" "chx"
[ ${#COMPREPLY[@]} -eq 0 ] || { echo "'plugin chx': expected nothing, received: ${COMPREPLY[*]}"; exit 1; }
