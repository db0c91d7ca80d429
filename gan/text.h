/* printf into memory of its own size, to be freed with ag_free. NULL and an error without memory. */
#pragma once

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
char *
gan_text(const char *format, ...);
