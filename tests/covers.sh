#!/bin/sh
# covers.sh LIBRARY TEST_SOURCE HEADER...: every function that the library exports and an installed header declares is
# named in the test's source.
set -eu
library=$1
source=$2
shift 2
missing=0 count=0
# comments name functions, too
declared=$(cat "$@" | sed 's|/\*.*\*/||; /\/\*/,/\*\//d' | grep -oE '\b(ag|nn|gan)_[a-z0-9_]+' | sort -u)
for name in $(nm --defined-only "$library" | awk '$2 == "T" { print $3 }' | sort -u); do
  echo "$declared" | grep -qx "$name" || continue
  count=$((count + 1))
  grep -qw "$name" "$source" && continue
  echo "$name is never called in $source"
  missing=1
done
echo "$count public functions"
[ "$count" -gt 0 ] && [ "$missing" -eq 0 ]
