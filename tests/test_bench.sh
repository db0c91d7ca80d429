#!/usr/bin/env bash
# test_bench.sh BENCH: each benchmark runs on tiny sizes and prints JSON, an object a line, with the promised fields in
# the last; bad arguments get one sentence and status 2.
set -euo pipefail
bench=$(realpath "$1")
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
cd "$temp"

fail() {
  echo "test_bench.sh: $*" >&2
  exit 1
}

refuses() { # TEXT ARGUMENT...: status 2 and one line on stderr that holds TEXT
  local status=0 text=$1
  shift
  "$bench" "$@" >out.txt 2>err.txt || status=$?
  [[ $status == 2 ]] || fail "'$*' exits with $status, expected 2: $(cat err.txt)"
  [[ ! -s out.txt && $(wc -l <err.txt) == 1 && $(cat err.txt) == *"$text"* ]] ||
    fail "'$*' says '$(cat out.txt err.txt)', expected one line with '$text'"
}

# A flat object of texts and numbers, in which nan, inf and a missing value have no place.
value='("[^"\\]*"|-?[0-9]+(\.[0-9]+)?)'
object="^\{\"[a-z_]+\": +$value(, +\"[a-z_]+\": +$value)*\}\$"

measures() { # LINES NAME OPTION...: prints that many lines, or more where LINES ends in +
  local lines=$1 name=$2 count
  shift 2
  "$bench" "$name" --batch 4 --steps 1 "$@" >out.txt 2>err.txt || fail "$name fails: $(cat err.txt)"
  count=$(wc -l <out.txt)
  [[ $count == "$lines" || $lines == *+ && $count -ge ${lines%+} ]] || fail "$name prints $count lines, not $lines"
  if grep -vE "$object" out.txt >wrong.txt; then fail "$name prints a line that is no JSON object: $(cat wrong.txt)"; fi
  summary=$(tail -n 1 out.txt)
  for field in name precision threads batch steps median_ms min_ms; do has_field "$field"; done
  [[ $summary == "{\"name\": \"$name\", "*'"threads": 2, "batch": 4, "steps": 1, '* ]] || fail "$name ends in $summary"
}

has_field() {
  [[ $summary == *"\"$1\": "* ]] || fail "no field $1 in $summary"
}

measures 3 dcgan-step --threads 2
measures 3 mlp-step --threads 2
measures 3 op-overhead --threads 2
has_field ns_per_op
measures 80+ ops --threads 2
grep -q '"op": "exp", "pass": "gradient", "median_ms": ' out.txt || fail "ops tells nothing of exp: $(cat out.txt)"
measures 16 conv --threads 2
for pass in forward "images gradient" "kernel gradient"; do
  [[ $(grep -c "\"pass\": \"$pass\".*\"gflops\": .*\"share\": " out.txt) == 5 ]] ||
    fail "expected 5 lines for the pass $pass: $(cat out.txt)"
done
measures 3 epoch --threads 2
measures 3 sample --threads 2
measures 20+ profile --threads 2
for part in forward.*conv2d_transpose gradient.*conv2d_kernel_gradient gradient.*matmul; do
  grep -q "\"phase\": \"$part.*\"mb\": .*\"gflop\": " out.txt ||
    fail "the profile tells nothing of $part: $(cat out.txt)"
done
grep -q '"phase": "update".*"mb": ' out.txt || fail "the profile tells nothing of the update: $(cat out.txt)"

# what the CPU lacks is told, and the summary says what was computed
"$bench" mlp-step --batch 4 --steps 2 --precision medium >out.txt 2>err.txt
if [[ -s err.txt ]]; then expected=highest; else expected=medium; fi
[[ $(wc -l <out.txt) == 4 && $(tail -n 1 out.txt) == *"\"precision\": \"$expected\", "* ]] || fail "$(cat out.txt)"

"$bench" --help >out.txt
for word in dcgan-step mlp-step op-overhead ops conv epoch sample profile \
  --batch --precision --threads --steps --data; do
  grep -qF -- "  $word " out.txt || fail "the help tells nothing of $word: $(cat out.txt)"
done
refuses "'' is no benchmark, expected dcgan-step, mlp-step"
refuses "'paint' is no benchmark, expected dcgan-step, mlp-step" paint
refuses "'--colour' is none of its options" conv --colour
refuses "'more' is none of its options" conv more
refuses "--steps needs a value" conv --steps
refuses "--data is an option of epoch, not of conv" conv --data .
refuses "--precision is 'low', expected highest, high or medium" conv --precision low
for number in 0 -3 three 3.5 "" 99999999999999999999; do
  for option in --batch --threads --steps; do
    refuses "$option is '$number', expected a whole number from 1" conv $option "$number"
  done
done

# what goes wrong later is one sentence, too
status=0
"$bench" epoch --data missing >out.txt 2>err.txt || status=$?
[[ $status == 1 && $(wc -l <err.txt) == 1 && $(cat err.txt) == "bench: missing: holds no train-images"* ]] ||
  fail "missing data: status $status, $(cat err.txt)"
echo "test_bench.sh: all well"
