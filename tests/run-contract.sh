#!/bin/sh
# run-contract.sh PROGRAM EXPECTED: runs a contract program and compares its line with what its first comment promises.
set -eu
printed=$("$1")
[ "$printed" = "$2" ] && exit 0
echo "$1 printed \"$printed\", expected \"$2\"" >&2
exit 1
