#include "gan/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "autograd/autograd.h"

char *gan_text(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0) return ag_fail(AG_ERROR_ARGUMENT, "gan_text: cannot format '%s'", format);
  char *text = ag_allocate((size_t)length + 1, 1);
  if (!text) return NULL;
  va_start(arguments, format);
  vsnprintf(text, (size_t)length + 1, format, arguments);
  va_end(arguments);
  return text;
}
