#!/bin/sh
# size.sh SOURCE_DIR: tiny stays tiny. The engine without its kernels, all .c files of autograd/ and autograd/ops/ with
# their comments and blank lines, is at most 3,000 lines; the default model at most 80.
set -eu
engine=$(cat "$1"/autograd/*.c "$1"/autograd/ops/*.c | wc -l)
model=$(wc -l <"$1/gan/models/dcgan.c")
echo "autograd: $engine lines, gan/models/dcgan.c: $model lines"
[ "$engine" -le 3000 ] && [ "$model" -le 80 ]
