#!/usr/bin/env bash
# test_command.sh MNIST_GAN DATA: the command keeps its promises and answers bad input with one sentence, a status, and
# nothing half-written. DATA holds a small MNIST, gzipped.
set -euo pipefail
mnist_gan=$(realpath "$1")
data=$(realpath "$2")
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
cd "$temp"
short=(--data "$data" --limit 12 --batch 4 --seed 3)

fail() {
  echo "test_command.sh: $*" >&2
  exit 1
}

refuses() { # STATUS TEXT ARGUMENT...: one line on stderr that holds TEXT
  local status=0 expected=$1 text=$2
  shift 2
  "$mnist_gan" "$@" >out.txt 2>err.txt || status=$?
  [[ $status == "$expected" ]] || fail "'$*' exits with $status, expected $expected: $(cat err.txt)"
  [[ $(wc -l <err.txt) == 1 && $(cat err.txt) == *"$text"* ]] ||
    fail "'$*' says '$(cat err.txt)', expected one line with '$text'"
}

holds() { # FILE TEXT
  grep -qF -- "$2" "$1" || fail "$1 holds no '$2': $(cat "$1")"
}

absent() {
  for path; do [[ ! -e $path ]] || fail "$path was left behind"; done
}

# usage
for command in "" train sample evaluate interpolate report summary models; do
  "$mnist_gan" $command --help >out.txt || fail "'$command --help' fails"
  holds out.txt "usage: mnist-gan"
done
"$mnist_gan" train --help >out.txt
for option in model data epochs steps batch limit seed threads precision out evaluate conditional loss learning-rate \
  critic-steps pack average decay resume checkpoint-minutes; do holds out.txt "--$option "; done
refuses 2 "'paint' is no command, expected one" paint
"$mnist_gan" evaluate --help >out.txt
for option in run samples data count seed neighbours csv threads; do holds out.txt "--$option "; done
refuses 2 "'--colour' is none of its options" train --colour
refuses 2 "'--colour=red' is none of its options" sample --colour=red
refuses 2 "'more' is none of its options" models more
refuses 2 "--epochs needs a value" train --epochs
refuses 2 "--model is 'vae', expected one of: dcgan" train --model vae
refuses 2 "--model is 'vae', expected one of: dcgan" summary --model vae
refuses 2 "--precision is 'low', expected highest, high or medium" train --precision low
for number in 0 -3 three 3.5 "" 99999999999999999999; do
  refuses 2 "--epochs is '$number', expected a whole number from 1" train --epochs "$number"
  refuses 2 "--count is '$number', expected a whole number from 1" sample --count "$number"
done
refuses 2 "--count is '1', expected a whole number from 2" evaluate --count 1
refuses 2 "--threads is '0', expected a whole number from 1" evaluate --threads 0
refuses 2 "expected either --run, a run folder, or --samples, a NumPy file" evaluate
refuses 2 "expected either --run, a run folder, or --samples, a NumPy file" evaluate --run run --samples digits.npy
refuses 2 "--seed is '-1', expected a whole number from 0" train --seed -1
refuses 2 "--loss is 'l1', expected one of: cross-entropy minimax" train --loss l1
refuses 2 "--learning-rate is '0', expected a number between 0 and 1" train --learning-rate 0
refuses 2 "--average is '1', expected a number between 0 and 1" train --average 1
refuses 2 "the points of ring have no labels" train --model ring --conditional
for command in sample interpolate report; do refuses 2 "--run is missing" $command; done
refuses 2 "--steps is '1', expected a whole number from 2" interpolate --steps 1
refuses 2 "--rows is '1', expected a whole number from 2" interpolate --rows 1
refuses 2 "expected a name that ends in .png or .gif" interpolate --run run --out walk.npy
refuses 2 "'more' is none of its options" report --run run more
refuses 2 "expected a name that ends in .png or .npy" sample --run run --out digits.jpg
if "$mnist_gan" >out.txt 2>err.txt; then fail "no command is no error"; fi
holds err.txt "usage: mnist-gan"

# what needs no training
"$mnist_gan" models >out.txt
holds out.txt dcgan
"$mnist_gan" summary >out.txt
holds out.txt "7, 7, 256"
if [[ -w /dev/full ]]; then
  if "$mnist_gan" models >/dev/full 2>err.txt; then fail "a full disk is no error"; fi
  holds err.txt "standard output cannot be written"
fi

# bad data: nothing is trained, no folder is made
refuses 1 "missing: holds no train-images-idx3-ubyte" train --data missing --out run
mkdir empty truncated swapped
touch empty/train-images-idx3-ubyte
refuses 1 "empty/train-images-idx3-ubyte: is empty" train --data empty --out run
gzip -dc "$data/train-images-idx3-ubyte.gz" >whole
head -c 5000 whole >truncated/train-images-idx3-ubyte
refuses 1 "truncated/train-images-idx3-ubyte" train --data truncated --out run
cp "$data/train-labels-idx1-ubyte.gz" swapped/train-images-idx3-ubyte.gz
refuses 1 "expected the magic number 00000803" train --data swapped --out run
refuses 1 "a batch of 32, expected 1 to 12" train "${short[@]}" --batch 32 --out run
absent run

# folders that cannot be written
touch file
refuses 1 "file/run" train "${short[@]}" --steps 1 --out file/run
refuses 1 "/proc/run" train "${short[@]}" --steps 1 --out /proc/run
refuses 1 "empty name" train "${short[@]}" --steps 1 --out ""

# a run, and what it leaves: 3 steps an epoch, so 4 steps are two epochs
"$mnist_gan" train "${short[@]}" --steps 4 --threads 1 --out deep/run >out.txt
[[ $(grep -c '^epoch' out.txt) == 2 ]] || fail "expected a line for each of 2 epochs: $(cat out.txt)"
[[ $(ls deep/run) == $'checkpoint.previous.safetensors\ncheckpoint.safetensors\nmetrics.csv\nreport.html\nsamples\ntraining.gif' ]] || fail "$(ls deep/run)"
[[ $(ls deep/run/samples) == $'epoch-0001.png\nepoch-0002.png' ]] || fail "samples: $(ls deep/run/samples)"
metrics=deep/run/metrics.csv
[[ $(head -n 1 $metrics) == step,epoch,g_loss,d_loss,d_real,d_fake,accuracy,spread,g_gradient ]] || fail "$(cat $metrics)"
[[ $(cut -d, -f1,2 $metrics | tail -n +2 | paste -sd' ') == "1,1 2,1 3,1 4,2" ]] || fail "$(cat $metrics)"

# the same seed gives the same bits on any number of threads; an earlier run is replaced, its pictures too
mkdir -p again/samples
touch again/samples/epoch-0077.png again/metrics.csv
"$mnist_gan" train "${short[@]}" --epochs 9 --steps 4 --threads 2 --out again >out.txt
holds out.txt "again: replacing the run"
diff -r deep/run again >&2 || fail "two runs of one seed differ"
mkdir -p other/samples
touch other/samples/epoch-notes.txt
"$mnist_gan" train "${short[@]}" --seed 4 --steps 1 --out other >out.txt
[[ -f other/samples/epoch-notes.txt ]] || fail "a file that no run made was removed"
if cmp -s deep/run/samples/epoch-0001.png other/samples/epoch-0001.png; then fail "two seeds give one picture"; fi

# the run goes on, longer, with its own settings, which may be said again but not changed
"$mnist_gan" train "${short[@]}" --steps 8 --out longer >out.txt
cp -r deep/run resumed
"$mnist_gan" train --resume --data "$data" --steps 8 --seed 3 --threads 2 --out resumed >out.txt
[[ $(grep -c '^epoch' out.txt) == 2 ]] || fail "expected a line for each of 2 epochs: $(cat out.txt)"
diff -r longer resumed >&2 || fail "a run that was resumed differs"
resumed=(train --resume --data "$data" --out resumed)
refuses 1 "its run has batch 4, expected 8" "${resumed[@]}" --batch 8
refuses 1 "its run has model dcgan, expected ring" "${resumed[@]}" --model ring
refuses 1 "its run has loss cross-entropy, expected hinge" "${resumed[@]}" --loss hinge
refuses 1 "stands at step 8 already, expected at most the 3" "${resumed[@]}" --epochs 1
refuses 1 "missing/checkpoint.safetensors: cannot read" train --resume --out missing
diff -r longer resumed >&2 || fail "a refused wish changed the run"

# variations: a conditional run draws the digit that it is asked for, the others refuse to
variation=(--model dcgan-small --conditional --loss least-squares --critic-steps 2 --pack 2 --average 0.9 --decay)
"$mnist_gan" train "${short[@]}" --steps 2 "${variation[@]}" --out variation >out.txt
"$mnist_gan" sample --run variation --digit 7 --count 2 --out seven.npy >out.txt
"$mnist_gan" sample --run variation --digit 8 --count 2 --out eight.npy >out.txt
if cmp -s seven.npy eight.npy; then fail "two digits look the same"; fi
refuses 1 "dcgan was not trained to draw a 7" sample --run deep/run --digit 7 --out seven.npy
for setting in least-squares dcgan-small "<dt>pack</dt><dd>2<" "<dt>average</dt><dd>0.9<" "<dt>decay</dt><dd>1<"; do
  holds variation/report.html "$setting"
done

# points: no data is needed, each epoch is judged, the run is the same whether or not
"$mnist_gan" train --model ring --batch 10 --steps 2 --threads 1 --evaluate --out points >out.txt
[[ $(head -n 1 points/evaluation.csv) == epoch,samples,modes,high_quality,reverse_kl,narrowest,widest ]] ||
  fail "$(cat points/evaluation.csv)"
[[ $(cut -d, -f1,2 points/evaluation.csv | tail -n +2) == "1,2500" ]] || fail "$(cat points/evaluation.csv)"
holds out.txt "reverse_kl"
"$mnist_gan" sample --run points --count 3 --out points.npy >out.txt
[[ $(stat -c %s points.npy) == $((128 + 3 * 2 * 4)) ]] || fail "points.npy has $(stat -c %s points.npy) bytes"
"$mnist_gan" sample --run points --out points.png >out.txt
"$mnist_gan" evaluate --run points --csv points.csv >out.txt
holds out.txt "of 8; each with a point"
[[ $(head -n 1 points.csv) == samples,modes,high_quality,reverse_kl,narrowest,widest ]] || fail "$(cat points.csv)"
refuses 1 "a walk needs images" interpolate --run points --out walk2.png
refuses 1 "have no neighbours to draw" evaluate --run points --neighbours near.png

# samples
"$mnist_gan" sample --run deep/run --count 5 --seed 7 --out five.png >out.txt
[[ $(head -c 4 five.png | tail -c 3) == PNG ]] || fail "five.png is no PNG"
"$mnist_gan" sample --run deep/run --count 5 --seed 7 --out five.npy >out.txt
[[ $(stat -c %s five.npy) == $((128 + 5 * 28 * 28 * 4)) ]] || fail "five.npy has $(stat -c %s five.npy) bytes"
"$mnist_gan" sample --run deep/run --count 5 --seed 7 --out again.npy >out.txt
cmp five.npy again.npy || fail "one seed gives two samples"
refuses 1 "missing/digits.png: cannot be written" sample --run deep/run --out missing/digits.png

# walks: 3 rows of 4 images; a film of 3 times 4 - 1
"$mnist_gan" interpolate --run deep/run --rows 3 --steps 4 --out walk.png >out.txt
[[ $(od -An -tx1 -j16 -N8 walk.png) == " 00 00 00 f4 00 00 00 b8" ]] || fail "walk.png is not 244 x 184 pixels"
"$mnist_gan" interpolate --run deep/run --rows 3 --steps 4 --out walk.gif >out.txt
[[ $(LC_ALL=C grep -aoP '\x21\xf9\x04' walk.gif | wc -l) == 9 ]] || fail "walk.gif has not 9 frames"
"$mnist_gan" interpolate --run deep/run --rows 3 --steps 4 --out again.gif >out.txt
cmp walk.gif again.gif || fail "one seed gives two walks"
"$mnist_gan" interpolate --run deep/run --rows 3 --steps 4 --seed 2 --out again.gif >out.txt
if cmp -s walk.gif again.gif; then fail "two seeds give one walk"; fi
refuses 1 "missing/checkpoint.safetensors" interpolate --run missing --out bad.png

# the page of a run
"$mnist_gan" report --run deep/run >out.txt
holds out.txt "deep/run/report.html"
holds deep/run/report.html "<title>dcgan</title>"
[[ $(grep -c "data:image/png;base64," deep/run/report.html) == 3 ]] || fail "expected the last picture, and both"
[[ $(grep -c "data:image/gif;base64," deep/run/report.html) == 1 ]] || fail "expected the film"
cp deep/run/report.html kept.html
cp $metrics kept.csv
echo 5,2,0.7,0.7 >>$metrics
refuses 1 "metrics.csv: line 6: expected 9 fields, it has fewer" report --run deep/run
cmp deep/run/report.html kept.html || fail "a refused report changed the old page"
cp kept.csv $metrics
refuses 1 "missing/metrics.csv: cannot be read" report --run missing

# figures: the classifier is trained once and kept, a run and its own samples give the same, bad input is refused
mkdir digits
for part in train t10k; do # the first 100
  gzip -dc "$data/$part-images-idx3-ubyte.gz" >whole
  { printf '\0\0\10\3\0\0\0\144\0\0\0\34\0\0\0\34'
    head -c $((16 + 100 * 784)) whole | tail -c +17
  } >digits/$part-images-idx3-ubyte
  gzip -dc "$data/$part-labels-idx1-ubyte.gz" >whole
  { printf '\0\0\10\1\0\0\0\144'; head -c 108 whole | tail -c +9; } >digits/$part-labels-idx1-ubyte
done
evaluate() { "$mnist_gan" evaluate --data digits --seed 7 "$@"; }
evaluate --run deep/run --count 5 --neighbours near.png >out.txt
holds out.txt "Training the classifier"
[[ $(head -c 4 near.png | tail -c 3) == PNG ]] || fail "near.png is no PNG"
for figure in "Frechet distance" "digits covered" "rarest digit" "entropy of digits" "mean confidence" \
  "nearest neighbour"; do
  [[ $(grep -c "^$figure " out.txt) == 1 ]] || fail "expected one line of $figure: $(cat out.txt)"
done
grep -E "[0-9]" out.txt | grep -v near.png >run.txt
evaluate --samples five.npy --threads 1 --csv digits.csv >out.txt
[[ $(head -n 1 digits.csv) == samples,frechet,frechet_real,digits,rarest,entropy,confidence ]] || fail "$(cat digits.csv)"
[[ $(tail -n +2 digits.csv) == 5,* ]] || fail "$(cat digits.csv)"
[[ $(cat out.txt) != *Training* ]] || fail "the classifier is trained a second time"
grep -E "[0-9]" out.txt | diff run.txt - || fail "a run and its samples give different figures"
"$mnist_gan" train --data digits --limit 8 --batch 4 --model mlp-keras --epochs 5 --evaluate --out judged >out.txt
[[ $(cut -d, -f1 judged/evaluation.csv | paste -sd' ') == "epoch 1 2 3 4 5" ]] || fail "$(cat judged/evaluation.csv)"
"$mnist_gan" train --data digits --limit 8 --batch 4 --model mlp-keras --epochs 5 --threads 1 --out unjudged >out.txt
cmp judged/metrics.csv unjudged/metrics.csv || fail "judging changes the run"
values() { tail -c +$((9 + $(od -An -tu8 -N8 "$1"))) "$1"; } # of a checkpoint: what is behind its header
cmp <(values judged/checkpoint.safetensors) <(values unjudged/checkpoint.safetensors) ||
  fail "judging changes the run's weights"
absent unjudged/evaluation.csv
[[ $(ls judged/kept) == epoch-0005.safetensors ]] || fail "kept: $(ls judged/kept)"
holds judged/report.html Evaluation
"$mnist_gan" train --data digits --limit 8 --batch 4 --model mlp-keras --steps 9 --out early >out.txt
absent early/kept # its fifth epoch has not ended
refuses 1 "missing/checkpoint.safetensors" evaluate --data digits --run missing
refuses 1 "missing.npy: No such file" evaluate --data digits --samples missing.npy
refuses 1 "five.png: does not start as a NumPy array file does" evaluate --data digits --samples five.png
refuses 1 "missing: holds no train-images" evaluate --data missing --samples five.npy
mkdir few
cp digits/t10k-* few
{ printf '\0\0\10\3\0\0\0\62\0\0\0\34\0\0\0\34'
  head -c $((16 + 50 * 784)) digits/train-images-idx3-ubyte | tail -c +17
} >few/train-images-idx3-ubyte
{ printf '\0\0\10\1\0\0\0\62'; head -c 58 digits/train-labels-idx1-ubyte | tail -c +9; } >few/train-labels-idx1-ubyte
refuses 1 "training the classifier: dataset: a batch of 100, expected 1 to 50" evaluate --data few --samples five.npy
refuses 1 "missing/near.png: cannot be written" evaluate --data digits --samples five.npy --neighbours missing/near.png

# checkpoints that are none, or another model's
refuses 1 "missing/checkpoint.safetensors" sample --run missing --out bad.png
mkdir -p cut foreign
head -c 1000 deep/run/checkpoint.safetensors >cut/checkpoint.safetensors
refuses 1 "cut/checkpoint.safetensors" sample --run cut --out bad.png
LC_ALL=C sed 's/"dcgan"/"other"/' deep/run/checkpoint.safetensors >foreign/checkpoint.safetensors
cp foreign/checkpoint.safetensors foreign/checkpoint.previous.safetensors
refuses 1 "foreign/checkpoint.safetensors: its metadata names the model other, expected a model of this program" \
  sample --run foreign --out bad.png
absent bad.png

# a disk that fills up (a limit on the size of files): the old file stays, no part of the new one
cp five.npy kept.npy
limited() { (trap '' XFSZ; ulimit -f 8; exec "$mnist_gan" "$@"); }
if limited sample --run deep/run --seed 8 --out kept.npy >out.txt 2>err.txt; then fail "a full disk is no error"; fi
holds err.txt "kept.npy: cannot be written: File too large"
cmp five.npy kept.npy || fail "a failed write changed the old file"
if limited train "${short[@]}" --steps 1 --out full >out.txt 2>err.txt; then fail "a full disk is no error"; fi
holds err.txt "full/checkpoint.coming.safetensors: cannot be written: File too large"
[[ $(ls full) == $'metrics.csv\nsamples' ]] || fail "a failed run left $(ls full)"
[[ ! $(ls *.part 2>/dev/null) ]] || fail "left behind: $(ls *.part)"
echo "test_command.sh: all well"
