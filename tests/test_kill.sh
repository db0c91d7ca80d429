#!/usr/bin/env bash
# test_kill.sh MNIST_GAN DATA: a run that is killed at 25 random moments, or whose disk fills up, or that is asked to
# stop, ends with the very bytes of an uninterrupted one once it is resumed. DATA holds a small MNIST. DUALTAPE_SEED
# picks other moments.
set -euo pipefail
export LC_ALL=C
mnist_gan=$(realpath "$1")
data=$(realpath "$2")
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
cd "$temp"
RANDOM=${DUALTAPE_SEED:-1}
kills=25
train=("$mnist_gan" train --threads 1 --data "$data")
run=(--model dcgan-small --average 0.9 --limit 16 --batch 8 --epochs 20 --precision highest) # two steps an epoch

fail() {
  echo "test_kill.sh: $*" >&2
  exit 1
}

resume() { # FOLDER OPTION...: in place of this shell, as a user would; a run that has no checkpoint yet begins anew
  if [[ -e $1/checkpoint.safetensors ]]; then exec "${train[@]}" --resume --out "$@"; fi
  exec "${train[@]}" "${run[@]}" --out "$@"
}

same() { # FOLDER: but for the checkpoint before the last, which hangs on when others were written
  diff -r -x checkpoint.previous.safetensors whole "$1" >&2 || fail "$2"
}

start=$EPOCHREALTIME
"${train[@]}" "${run[@]}" --out whole >/dev/null
lasts=$(awk "BEGIN { print $EPOCHREALTIME - $start }") # seconds

killed=0 finished=0
while ((killed < kills)); do
  resume killed >/dev/null 2>err.txt &
  sleep "$(awk "BEGIN { print $lasts * $RANDOM / 32768 / 3 }")"
  kill -9 $! 2>/dev/null || true # it may have ended
  status=0
  wait $! 2>/dev/null || status=$?
  [[ $status == 137 || $status == 0 ]] || fail "kill $killed: exits with $status: $(cat err.txt)"
  [[ $status == 137 ]] && { killed=$((killed + 1)); continue; }
  same killed "a run that was killed differs"
  finished=$((finished + 1))
  rm -r killed
done
(resume killed) >/dev/null
same killed "a run that was killed differs"

# a disk that fills up, at the start and later: files may only grow to so many blocks of 1024 bytes
for epochs in 0 7; do
  rm -rf full
  if ((epochs)); then "${train[@]}" "${run[@]}" --epochs $epochs --out full >/dev/null; fi
  for blocks in 1 3000; do
    if (trap '' XFSZ; ulimit -f "$blocks"; resume full --epochs 20) >/dev/null 2>err.txt; then
      fail "no disk was full"
    fi
    grep -q "File too large" err.txt || fail "a full disk is told as: $(cat err.txt)"
  done
  (resume full --epochs 20) >/dev/null
  same full "a run that met a full disk differs"
done

# a wish to stop: the step ends, a checkpoint is there, the status is the signal's
for signal in INT TERM; do
  rm -rf stopped
  "${train[@]}" "${run[@]}" --out stopped >out.txt &
  until [[ -e stopped/metrics.csv && $(wc -l <stopped/metrics.csv) -gt 3 ]]; do sleep 0.02; done
  kill -$signal $!
  status=0
  wait $! || status=$?
  [[ $status == $((128 + $(kill -l $signal))) ]] || fail "SIG$signal: exits with $status"
  grep -q "stopped; mnist-gan train --resume --out stopped --data $data goes on" out.txt || fail "SIG$signal: says $(cat out.txt)"
  (resume stopped) >/dev/null
  same stopped "a run that was stopped by SIG$signal differs"
done
echo "test_kill.sh: $kills kills survived in $((finished + 1)) runs, 4 full disks, 2 signals"
