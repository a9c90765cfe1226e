#!/usr/bin/env bash
# Writes PublicAPI.Unshipped.txt of the packages in src/ from the code: of all, or of those named (Causeway.Protocol ...).
# Read the diff before you commit it: it is what users will see changed.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# -gt 0 ] || set -- $(cd src && ls)

for name; do
  file=src/$name/PublicAPI.Unshipped.txt
  kept=$(mktemp)
  cp "$file" "$kept"
  echo '#nullable enable' >"$file"
  # The analyzer names each symbol that the files lack. With none declared, that is all of them but those already shipped.
  if ! output=$(dotnet build "src/$name/$name.csproj" -c Release -v quiet -p:TreatWarningsAsErrors=false); then
    mv "$kept" "$file"
    grep -E ': error ' <<<"$output" >&2
    exit 1
  fi
  grep -F "[$PWD/src/$name/$name.csproj]" <<<"$output" |
    sed -nE "s/^.*: warning RS0016: Symbol '(.*)' is not part of the declared public API \(.*$/\1/p" | sort -u >>"$file" || true
  rm "$kept"
  git diff --stat -- "$file"
done
