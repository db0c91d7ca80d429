#!/bin/sh
# list-ops.sh OUTPUT SOURCE...: the ops that the sources define (`static const ag_op x_op = {... .name = "x" ...};`)
# as a C table of names and of whether each has a vjp, so that the suite gradcheck can tell which it has forgotten.
set -eu
output=$1
shift
awk '
  /static const ag_op [a-z0-9_]+ *=/ { inside = 1; definition = ""; count++ }
  inside { definition = definition $0 }
  inside && /};/ {
    inside = 0
    if (!match(definition, /\.name *= *"[^"]*"/)) { print FILENAME ": an op without a name" > "/dev/stderr"; exit 1 }
    name = substr(definition, RSTART, RLENGTH)
    gsub(/^[^"]*"|"$/, "", name)
    lines = lines "  {\"" name "\", " (definition ~ /\.vjp *=/ ? "true" : "false") "},\n"
  }
  END {
    if (!count) { print "list-ops.sh: no op found" > "/dev/stderr"; exit 1 }
    print "/* Written by tests/list-ops.sh. */"
    print "static const struct {\n  const char *name;\n  bool has_vjp;\n} listed_ops[] = {\n" lines "};"
  }
' "$@" > "$output.new"
mv "$output.new" "$output"
