#!/bin/sh
# run.sh PROGRAM NAME LIBFUZZER-OPTION...: starts from corpus/NAME, works in an empty folder, leaves nothing but the
# input that showed a defect, as fuzz-NAME-... in the current folder. New finds go to $FUZZ_FINDS, if set.
# No file takes more than 32 MiB, whatever its header claims: the largest input is 4 KiB, and deflate shrinks by 1032.
# But for a picture of 64 MiB, the most that its reader takes: libpng tells what is missing only once it looks for it.
# A defect ends with 1, for libFuzzer's own 77 means to meson that the test was skipped.
set -eu
program=$(realpath "$1") name=$2
shift 2
tests=$(cd "$(dirname "$0")" && pwd)
found=$PWD/fuzz-$name-
scratch=$(mktemp -d /dev/shm/fuzz-XXXXXX 2>/dev/null || mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
most=32
[ "$name" != png ] || most=80
finds=${FUZZ_FINDS:-$scratch/finds}
mkdir -p "$finds"
cd "$scratch"
# A small quarantine, so that the limit on memory can be low.
export ASAN_OPTIONS=quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1
"$program" -max_len=4096 -malloc_limit_mb="$most" -rss_limit_mb=512 -timeout=20 -error_exitcode=1 -timeout_exitcode=1 \
  -dict="$tests/$name.dict" -artifact_prefix="$found" -print_final_stats=1 -verbosity=0 "$@" "$finds" \
  "$tests/corpus/$name"
