#!/bin/sh
# fingerprint.sh OUTPUT VERSION FILE...: a header that names this very build, so that a run can tell when another one
# goes on with it.
set -eu
output=$1 version=$2
shift 2
sum=$(cat "$@" | cksum | cut -d ' ' -f 1)
printf '#define GAN_FINGERPRINT "%s-%x"\n' "$version" "$sum" >"$output"
