/* What the suites of misuse share. A wrong call must be refused: it returns NULL, false, or what else it returns after
 * an error, and leaves one whose sentence holds a text; the error cleared, the thread works as before. */
#pragma once

#include "tests/check.h"

#include <limits.h>
#include <stdio.h>

#include "autograd/op.h"

#define HUGE_SIZE ((int64_t)1 << 57) /* of an axis: a valid size that no machine has memory for */

static inline ag_tensor *ones(void) { return ag_ones(AG_SHAPE(2, 3)); }
static inline ag_shape bad_rank(void) { return (ag_shape){.rank = 100}; }
static inline ag_list nothing(void) { return (ag_list){0, NULL}; }

static struct { int calls, wrong; } misuse;

static inline void misuse_complain(const char *call, int line, const char *why) {
  print_error("line %d: %s: %s; the error is %d \"%s\"\n", line, call, why, (int)ag_error_kind(), ag_error_message());
  misuse.wrong++;
}

/* Clears the error, and sees that a normal call works. */
static inline void misuse_recover(const char *call, int line) {
  ag_error_clear();
  misuse.calls++;
  ag_scope *scope = ag_scope_enter();
  double sum = ag_item(ag_add(ag_scalar(1), ag_scalar(2)));
  if (sum != 3 || ag_failed()) misuse_complain(call, line, "1 + 2 is no longer 3");
  ag_scope_leave(scope);
  ag_error_clear();
}

static inline void check_refused(bool gave_nothing, const char *call, const char *text, int line) {
  if (!gave_nothing) misuse_complain(call, line, "it returned something");
  if (!ag_failed() || !strstr(ag_error_message(), text)) misuse_complain(call, line, "another error was expected");
  misuse_recover(call, line);
}

/* For what is refused by size: before memory is taken. */
static inline void check_too_large(bool gave_nothing, const char *call, int line) {
  enum { A_LITTLE = 1 << 20 };
  if (!gave_nothing) misuse_complain(call, line, "it returned something");
  bool by_size = ag_error_kind() == AG_ERROR_SHAPE || ag_error_kind() == AG_ERROR_MEMORY;
  if (!by_size) misuse_complain(call, line, "a refusal by size was expected");
  if (ag_memory_peak() > ag_memory_in_use() + A_LITTLE) misuse_complain(call, line, "it took memory first");
  misuse_recover(call, line);
}

static inline void check_accepted(const char *call, int line) {
  if (ag_failed()) misuse_complain(call, line, "it should have been passed over");
  misuse_recover(call, line);
}

static inline void check_nothing_wrong(void) {
  int wrong = misuse.wrong;
  misuse.wrong = 0;
  assert_int_equal(wrong, 0);
}

/* The call, whose value is NULL or false after an error, is refused with this text. */
#define REFUSED(call, text) check_refused(!(call), #call, text, __LINE__)
/* The same for a call without a value. */
#define REFUSED_VOID(call, text) ((call), check_refused(true, #call, text, __LINE__))
/* Refused as too large. */
#define TOO_LARGE(call) (ag_memory_peak_reset(), check_too_large(!(call), #call, __LINE__))
/* Documented to do nothing, or to have an answer. */
#define ACCEPTED(call) ((void)(call), check_accepted(#call, __LINE__))
