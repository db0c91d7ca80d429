#!/bin/sh
# mutate-vjps.sh: shows that the suite gradcheck notices every vjp that is wrong by a thousandth. In a copy of the tree,
# the sweep multiplies by 1.001 what the op named by the environment variable MUTATE gives back; the rows of that op
# must then fail, one op after the other. Takes the arguments of meson setup.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
cd "$root"
cp -R meson.build meson_options.txt autograd nn gan tests tools "$work/tree"
cd "$work"

sweep=tree/autograd/gradient.c
mutation='const char *wrong = getenv("MUTATE"); if (wrong \&\& gradient \&\& strcmp(wrong, node->op->name) == 0) '
mutation=$mutation'gradient = ag_scale(gradient, 1.001);'
{
  printf '#include <stdlib.h>\n#include <string.h>\n'
  sed "s/gradient = node->op->vjp(.*);/& $mutation/" "$root/autograd/gradient.c"
} > "$sweep"
grep -q MUTATE "$sweep" || { echo "mutate-vjps.sh: the sweep's call of vjp is not where it was"; exit 1; }

build() {
  meson setup -Dgan=disabled -Dsafetensors=disabled "$@" build tree && ninja -C build tests/test_gradcheck
}
build "$@" > log 2>&1 || { cat log; exit 1; }
suite=build/tests/test_gradcheck
"$suite" > log 2>&1 || { cat log; echo "mutate-vjps.sh: the suite fails without any mutation"; exit 1; }

count=0 unnoticed=
for op in $(sed -n 's/^ *{"\(.*\)", true},$/\1/p' build/tests/op_names.h); do
  count=$((count + 1)) status=0
  MUTATE=$op "$suite" "$op" > log 2>&1 || status=$?
  # failed tests are counted; a crash would be 128 and more
  [ "$status" -gt 0 ] && [ "$status" -lt 128 ] || unnoticed="$unnoticed $op"
done
[ -z "$unnoticed" ] || { echo "not noticed:$unnoticed"; exit 1; }
echo "$count vjps, each multiplied by 1.001: all noticed"
