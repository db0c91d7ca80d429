/* Files inside a page: data URIs (RFC 2397) in base64 (RFC 4648, section 4). */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Writes data:image/png;base64,... for a PNG, image/gif for a GIF, as its first bytes say. False and an error: it
 * cannot be read, or is neither. Whether the stream took it is for its owner to ask. */
bool gan_data_uri_write(FILE *stream, const char *path);
