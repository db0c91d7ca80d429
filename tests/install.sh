#!/usr/bin/env bash
# install.sh BUILD_DIR: installs into an empty folder; there a program outside the tree builds with pkg-config alone,
# for both precisions, and mixing the header of one with the library of the other fails at link time.
# CC and CFLAGS are the compiler and further flags.
set -euo pipefail
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

fail() {
  echo "install: $1" >&2
  exit 1
}

meson install -C "$1" --no-rebuild --quiet --destdir "$temp/root" >/dev/null
pc=$(find "$temp/root" -name dualtape.pc)
[[ -n $pc ]] || fail "no dualtape.pc was installed"
export PKG_CONFIG_SYSROOT_DIR=$temp/root PKG_CONFIG_PATH=${pc%/*}${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}

cd "$temp"
cat >program.c <<'END'
#include <stdio.h>

#include <autograd/autograd.h>
#include <nn/nn.h>

int main(void) {
  ag_scope *scope = ag_scope_enter();
  nn_layer *layer = nn_dense(3);
  ag_tensor *sum = ag_sum(ag_ones(AG_SHAPE(2, 3)));
  printf("%zu %g %d\n", sizeof(ag_real), (double)ag_item(sum), layer != NULL);
  nn_layer_free(layer);
  ag_scope_leave(scope);
  return ag_failed();
}
END

build() { # HEADERS-OF LIBRARY-OF
  local compile cflags libs
  read -ra compile <<<"${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror ${CFLAGS:-}"
  read -ra cflags <<<"$(pkg-config --cflags "$1")"
  read -ra libs <<<"$(pkg-config --libs "$2")"
  "${compile[@]}" "${cflags[@]}" -o program program.c "${libs[@]}"
}

prints() { # PACKAGE EXPECTED
  build "$1" "$1" || fail "a program does not build against $1"
  local folders output
  folders=$(pkg-config --libs-only-L "$1" | sed 's/-L//g; s/  */:/g')
  output=$(LD_LIBRARY_PATH=$folders ./program) || fail "a program built against $1 fails"
  [[ $output == "$2" ]] || fail "a program built against $1 printed '$output', not '$2'"
}

does_not_link() { # HEADERS-OF LIBRARY-OF
  ! build "$1" "$2" 2>errors || fail "the header of $1 links with the library of $2"
  grep -q "undefined" errors || fail "mixing $1 and $2 failed, but not at link time: $(<errors)"
}

headers_stand_alone() {
  local folder header cflags
  folder=$(find "$temp/root" -path '*/include/dualtape')
  read -ra cflags <<<"$(pkg-config --cflags dualtape)"
  (cd "$folder" && find . -name '*.h') | while read -r header; do
    echo "#include \"$header\"" | "${CC:-cc}" -std=c11 -fsyntax-only "${cflags[@]}" -x c - ||
      fail "the installed header $header does not compile by itself"
  done
}

headers_stand_alone
prints dualtape "4 6 1"
prints dualtape-double "8 6 1"
does_not_link dualtape dualtape-double
does_not_link dualtape-double dualtape
