#!/bin/sh
# covers.sh LIBRARY FILE...: every function that the library exports and an installed header (FILE.h) declares is named
# in the code of a test (FILE.c), comments and strings aside.
set -eu
library=$1
shift
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
names() { grep -oE '\b(ag|nn|gan)_[a-z0-9_]+' | LC_ALL=C sort -u; }
nm --defined-only "$library" | awk '$2 == "T" { print $3 }' | names >"$folder/exported"
for file; do
  case $file in
    *.h) sed 's|/\*.*\*/||; /\/\*/,/\*\//d' "$file" >>"$folder/headers" ;; # comments name functions, too
    *.c) sed 's|/\*.*\*/||g; s/"[^"]*"//g' "$file" >>"$folder/tests" ;;
  esac
done
names <"$folder/headers" >"$folder/declared"
names <"$folder/tests" >"$folder/called"
LC_ALL=C comm -12 "$folder/exported" "$folder/declared" >"$folder/public"
LC_ALL=C comm -23 "$folder/public" "$folder/called" >"$folder/missing"
sed 's|$| is called in no test|' "$folder/missing"
echo "$(wc -l <"$folder/public") public functions"
[ -s "$folder/public" ] && [ ! -s "$folder/missing" ]
