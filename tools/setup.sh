# What .ci/run and the scripts of tools/ share; sourced by them, under `set -euo pipefail`.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

have() { command -v "$1" >/dev/null 2>&1; }

have_library() { # PKG-CONFIG-NAME HEADER: either is enough, since not every system ships a .pc file for giflib
  { have pkg-config && pkg-config --exists "$1"; } ||
    printf '#include <stdio.h>\n#include <%s>\n' "$2" | "${CC:-cc}" -E - >/dev/null 2>&1
}

archer() { # the tool by which ThreadSanitizer learns what waits for what in clang's OpenMP
  ! have clang || echo "$(clang -print-resource-dir)/../../libarcher.so"
}

missing_for() { # PURPOSE...: the Debian packages that are missing, one a line
  for purpose in "$@"; do
    case $purpose in
      build)
        have "${CC:-cc}" || printf 'gcc\nlibc6-dev\n'
        have meson || echo meson
        have ninja || echo ninja-build
        have pkg-config || echo pkg-config ;;
      tests)
        have_library cmocka cmocka.h || echo libcmocka-dev
        [[ -e /usr/share/i18n/locales/de_DE ]] || ! have apt-get || echo locales ;; # elsewhere a test may be skipped
      gan)
        have_library libcjson cjson/cJSON.h || echo libcjson-dev
        have_library zlib zlib.h || echo zlib1g-dev
        have_library libpng png.h || echo libpng-dev
        have_library libgif gif_lib.h || echo libgif-dev
        have_library lapacke lapacke.h || echo liblapacke-dev ;;
      data) have npm || have curl || printf 'curl\nca-certificates\n' ;;
      clang)
        have clang || echo clang
        printf '#include <omp.h>\n' | clang -fopenmp -E - >/dev/null 2>&1 || echo libomp-dev ;;
      fuzz)
        have clang || echo clang
        printf 'int LLVMFuzzerTestOneInput(void) { return 0; }\n' |
          clang -x c -fsanitize=fuzzer,address,undefined -o /dev/null - >/dev/null 2>&1 || echo libclang-rt-dev ;;
      thread)
        have clang || echo clang
        echo 'int main(void) { return 0; }' | clang -x c -fsanitize=thread -o /dev/null - >/dev/null 2>&1 ||
          echo libclang-rt-dev
        [[ -e $(archer) ]] || echo libomp-dev ;;
      lint) have clang-tidy || echo clang-tidy ;;
      coverage) have gcovr || echo gcovr ;;
    esac
  done
}

install_missing() { # PURPOSE...
  local packages install sudo='' answer
  packages=$(missing_for "$@" | xargs)
  [[ -n $packages ]] || return 0
  [[ $EUID -eq 0 ]] || sudo="sudo "
  if ! have apt-get || { [[ -n $sudo ]] && ! have sudo; }; then
    echo "Missing, and to be installed by hand, since that takes apt and root or sudo: $packages (Debian's names)" >&2
    exit 1
  fi
  install="apt-get install -y --no-install-recommends $packages"
  echo "Missing packages are installed with: ${sudo}apt-get update; $sudo$install"
  if [[ -t 0 ]]; then
    read -r -p "Run it? [Y/n] " answer
    [[ ${answer:-y} == [Yy]* ]] || { echo "Nothing was installed. Missing: $packages" >&2; exit 1; }
  elif [[ -n $sudo ]]; then
    sudo="sudo -n " # nobody is there to type a password
  fi
  # Without a network for the update, an old list of packages and a full cache may still do.
  # shellcheck disable=SC2086
  ${sudo}apt-get update -qq || true
  # shellcheck disable=SC2086
  if ! ${sudo}env DEBIAN_FRONTEND=noninteractive $install; then
    echo "The installation failed. Missing: $packages" >&2
    exit 1
  fi
}

build() { # FOLDER MESON-OPTION...; builds all, or what the variable `targets` names
  local folder=$1 again=() output
  shift
  rm -f "$folder/meson-logs/testlog.txt" # so that count_tests counts no earlier run
  [[ ! -f $folder/build.ninja ]] || again=(--reconfigure)
  if ! output=$(meson setup "${again[@]}" "$@" "$folder" "$root" 2>&1); then
    printf '%s\n' "$output" >&2
    exit 1
  fi
  # A caller that asks how this ended has switched `set -e` off in here.
  # shellcheck disable=SC2086
  ninja -C "$folder" ${targets-} || exit 1
}

build_clang() { # the whole, or what `targets` names, in build/clang
  CC=clang build "$root/build/clang" --buildtype=debugoptimized --warnlevel=3 --werror
}

build_fuzz() { # the fuzz targets, in build/fuzz
  CC=clang targets=fuzz build "$root/build/fuzz" --buildtype=debug --optimization=1 --warnlevel=3 --werror \
    -Db_sanitize=address,undefined -Db_lundef=false -Ddefault_library=static -Dopenmp=disabled -Dtests=false -Dfuzz=true
}

test_threads() { # suites whose threads work at once, under ThreadSanitizer, in build/thread
  local suites=(threads recording kernels)
  CC=clang targets="${suites[*]/#/tests/test_}" build "$root/build/thread" --buildtype=debug --optimization=1 \
    --warnlevel=3 --werror -Db_sanitize=thread -Db_lundef=false
  # The option that Archer's documentation asks for: libomp itself is not instrumented.
  OMP_TOOL_LIBRARIES=$(archer) TSAN_OPTIONS=ignore_noninstrumented_modules=1 \
    meson test -C "$root/build/thread" --no-rebuild --print-errorlogs "${suites[@]}"
}

count_tests() { # FOLDER...: the sum of what each folder's last `meson test` wrote down, as one plain line
  # There is no log where no test had a name that was asked for.
  { cat "${@/%//meson-logs/testlog.txt}" 2>/dev/null || true; } |
    awk '/^(Ok|Expected Fail):/ { passed += $NF }
         /^(Fail|Unexpected Pass|Timeout):/ { failed += $NF }
         /^Skipped:/ { skipped += $NF }
         END { printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : "" }'
}
