#!/bin/sh
# covers.sh LIBRARY TEST_SOURCE HEADER...: every function that the library exports and an installed header declares is
# named in the code of the test, comments and strings aside.
set -eu
library=$1
source=$2
shift 2
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
names() { grep -oE '\b(ag|nn|gan)_[a-z0-9_]+' | LC_ALL=C sort -u; }
nm --defined-only "$library" | awk '$2 == "T" { print $3 }' | names >"$folder/exported"
cat "$@" | sed 's|/\*.*\*/||; /\/\*/,/\*\//d' | names >"$folder/declared" # comments name functions, too
sed 's|/\*.*\*/||g; s/"[^"]*"//g' "$source" | names >"$folder/called"
LC_ALL=C comm -12 "$folder/exported" "$folder/declared" >"$folder/public"
LC_ALL=C comm -23 "$folder/public" "$folder/called" >"$folder/missing"
sed "s|\$| is never called in $source|" "$folder/missing"
echo "$(wc -l <"$folder/public") public functions"
[ -s "$folder/public" ] && [ ! -s "$folder/missing" ]
