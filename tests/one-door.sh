#!/bin/sh
# one-door.sh SOURCE_DIR: the library asks for memory in one place, the function `request` of autograd/memory.c.
set -eu
cd "$1"
calls='\<(malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|memalign|alloca|strdup|strndup|asprintf|vasprintf|getline|getdelim|open_memstream)[[:space:]]*\('
found=$(grep -rnE --include='*.[ch]' "$calls" autograd nn gan || true)
asks='aligned_alloc\(alignment, bytes\) : realloc\(block, bytes\)'
echo "$found"
[ "$(echo "$found" | wc -l)" = 1 ] && echo "$found" | grep -qE "^autograd/memory.c:.*$asks"
