#include "gan/c_locale.h"

locale_t gan_c_locale_enter(void) {
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* which systems have at hand: it takes no memory */
  return c ? uselocale(c) : (locale_t)0;
}

void gan_c_locale_leave(locale_t before) {
  if (before) freelocale(uselocale(before));
}
