#!/usr/bin/env bash
# readme.sh README.md BUILD_DIR SOURCE_DIR: what the README shows is true.
#
# Each ```c block is a whole program: it compiles without a warning against the library in BUILD_DIR, runs in an empty
# folder and exits 0. If the next block is a ```text block, the program prints just that. A comment on a line of its own
# changes this for the ```c block that follows: <!-- double --> links dualtape-double, <!-- after training --> lets the
# program find a run of the demo in its folder, <!-- no test --> passes it by. A program that includes from gan/ links
# dualtape-gan, and is passed by where that is not built. In ```sh blocks each script of tools/ that is named exists, and
# mnist-gan knows each subcommand and option. CC and CFLAGS are the compiler and further flags.
set -euo pipefail
readme=$1 build=$(cd "$2" && pwd) source=$(cd "$3" && pwd)
export PKG_CONFIG_PATH=$build/meson-uninstalled${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
touch "$temp/commands"
programs=0 status=0

wrong() { # LINE SENTENCE
  echo "$readme:$1: $2" >&2
  status=1
}

# Writes N.c, N.text (if any), N.how (the comment) and N.line for the N-th program, and all of sh into commands.
awk -v to="$temp" '
  /^```/ && !inside { inside = 1; kind = substr($0, 4); file = ""
    if (kind == "c") { file = to "/" ++n ".c"; print NR > (to "/" n ".line"); print how > (to "/" n ".how") }
    if (kind == "text" && before == "c") file = to "/" n ".text"
    if (file) printf "" > file
    next }
  /^```/ { inside = 0; before = kind; how = ""; next }
  inside && file { print > file }
  inside && kind == "sh" { print NR ":" $0 > (to "/commands") }
  /^<!-- .* -->$/ && !inside { how = substr($0, 6, length($0) - 9) }
' "$readme"

read -ra compile <<<"${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror ${CFLAGS:-}"

package_of() { # PROGRAM HOW
  if grep -q '^#include "gan/' "$1"; then
    echo dualtape-gan
  elif [[ $2 == double ]]; then
    echo dualtape-double
  else
    echo dualtape
  fi
}

train() { # FOLDER: a run as the demo leaves it, but short
  "$build/mnist-gan" train --data "$source/tests/data/mnist" --model dcgan-small --conditional --steps 1 --batch 2 --limit 2 \
    --out "$1/runs/demo" >/dev/null
}

check_program() { # BASE LINE HOW PACKAGE
  local base=$1 line=$2 library folders
  read -ra library <<<"$(pkg-config --cflags --libs "$4")"
  folders=$(pkg-config --libs-only-L "$4" | sed 's/-L//g; s/  */:/g')
  if ! "${compile[@]}" -o "$base" "$base.c" "${library[@]}"; then
    wrong "$line" "this program does not compile"
    return
  fi
  mkdir "$base.folder"
  [[ $3 != "after training" ]] || train "$base.folder"
  if ! (cd "$base.folder" && LD_LIBRARY_PATH=$folders "$base" >"$base.out"); then
    wrong "$line" "this program fails; it printed: $(<"$base.out")"
  elif [[ -f $base.text ]] && ! diff -u "$base.text" "$base.out"; then
    wrong "$line" "this program prints something else (- README, + program)"
  fi
}

for program in "$temp"/*.c; do
  base=${program%.c}
  how=$(<"$base.how")
  package=$(package_of "$program" "$how")
  if [[ $how == "no test" ]] || ! pkg-config --exists "$package"; then continue; fi
  check_program "$base" "$(<"$base.line")" "$how" "$package"
  programs=$((programs + 1))
done

check_mnist_gan() { # LINE ARGUMENT...
  local line=$1 subcommand=${2:-} help option
  [[ -x $build/mnist-gan && -n $subcommand && $subcommand != -* ]] || return 0
  help=$("$build/mnist-gan" "$subcommand" --help) || { wrong "$line" "mnist-gan knows no $subcommand"; return 0; }
  for option in "${@:3}"; do
    [[ $option != --* || $help == *"${option%%=*}"* ]] || wrong "$line" "mnist-gan $subcommand knows no $option"
  done
}

while IFS=: read -r line command; do
  read -ra words <<<"${command%%#*}"
  for i in "${!words[@]}"; do
    case ${words[i]} in
      tools/*) [[ -x $source/${words[i]} ]] || wrong "$line" "there is no command ${words[i]}" ;;
      mnist-gan | */mnist-gan) check_mnist_gan "$line" "${words[@]:i+1}" ;;
    esac
  done
done <"$temp/commands"
echo "$readme: $programs programs checked."
exit "$status"
