/* Files have a decimal point, whatever the locale of the program: between the two calls the calling thread writes and
 * reads numbers as in the C locale. */
#pragma once

#include <locale.h>
#if defined(__APPLE__)
#include <xlocale.h>
#endif

/* Returns what gan_c_locale_leave goes back to. */
locale_t gan_c_locale_enter(void);
void gan_c_locale_leave(locale_t before);
