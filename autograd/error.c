#include "autograd/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct {
  ag_error_code code;
  char message[512];
} error;

bool ag_failed(void) { return error.code != AG_OK; }

ag_error_code ag_error_kind(void) { return error.code; }

const char *ag_error_message(void) { return error.message; }

void ag_error_clear(void) {
  error.code = AG_OK;
  error.message[0] = '\0';
}

void *ag_fail(ag_error_code code, const char *format, ...) {
  if (ag_failed()) return NULL;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error.message, sizeof error.message, format ? format : "no reason is given", arguments);
  va_end(arguments);
  for (char *c = error.message; *c; c++) { /* names from strangers' files may hold what a terminal obeys */
    if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
  }
  error.code = code > AG_OK && code <= AG_ERROR_NONFINITE ? code : AG_ERROR_ARGUMENT;
  return NULL;
}

void ag_error_prefix(const char *format, ...) {
  if (!ag_failed() || !format) return;
  char where[sizeof error.message], sentence[sizeof error.message];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(where, sizeof where, format, arguments);
  va_end(arguments);
  memcpy(sentence, error.message, sizeof sentence);
  ag_error_code code = error.code;
  ag_error_clear();
  ag_fail(code, "%s%s", where, sentence);
}

void *ag_fail_null(const char *who, const char *what) {
  return ag_fail(AG_ERROR_ARGUMENT, "%s: %s is NULL", who, what);
}
