#!/usr/bin/env bash
# Brings PublicAPI.Unshipped.txt of the packages in src/ up to the code: of all, or of those named (Causeway.Protocol ...).
# Read the diff before you commit it: it is what users will see changed. With --from LOG it takes a build's output instead of
# building; that build must have compiled the packages, and with -p:TreatWarningsAsErrors=false.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ "${1-}" = --from ]; then
  cp "$2" "$log"
  shift 2
fi
[ $# -gt 0 ] || set -- $(cd src && ls)

for name; do
  for kind in Shipped Unshipped; do
    [ -f "src/$name/PublicAPI.$kind.txt" ] || echo '#nullable enable' >"src/$name/PublicAPI.$kind.txt"
  done
done
if [ ! -s "$log" ]; then
  for name; do
    # Touched, so that it is compiled even if nothing changed: only then the analyzer says what the files lack.
    touch "src/$name/PublicAPI.Unshipped.txt"
    dotnet build "src/$name/$name.csproj" -c Release -v quiet -p:TreatWarningsAsErrors=false >>"$log" ||
      { grep -E ': error ' "$log" >&2; exit 1; }
  done
fi

symbols() { # rule, package
  { grep -F "/src/$2/$2.csproj]" "$log" || true; } | sed -nE "s/^.*: warning $1: Symbol '(.*)' is (not part of the declared public API|part of the declared API).*$/\1/p"
}

for name; do
  file=src/$name/PublicAPI.Unshipped.txt
  {
    echo '#nullable enable'
    { tail -n +2 "$file" | { grep -vxF -f <(symbols RS0017 "$name") || true; }; symbols RS0016 "$name"; } | sort -u
  } >"$log.new"
  cat "$log.new" >"$file"
  rm "$log.new"
done
git diff --stat -- src/*/PublicAPI.*.txt
