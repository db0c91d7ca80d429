/* AMX for CPUs that have AVX-512 and no AMX: what such a CPU refuses to run, a signal handler carries out in plain C,
 * by the operations of Intel's manual (Software Developer's Manual, volume 2: LDTILECFG, TILELOADD, TDPBF16PS ...). So
 * the kernels' own instructions are tested, only slowly. The linker puts __wrap_kernel_amx in place of kernel_amx. */
#define _GNU_SOURCE /* REG_RIP */
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "autograd/kernels/kernels.h"

enum { TILES = 8, ROWS = 16, NUMBERS = 16, ROW_BYTES = 64 };

typedef struct {
  uint8_t row[ROWS][ROW_BYTES];
} tile;

/* The state of a thread's unit: its layout as LDTILECFG reads it, and the registers. */
static _Thread_local struct {
  struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } layout;
  tile tiles[TILES];
} unit;

typedef struct {
  int operation;             /* the opcode and the prefix that belongs to it */
  int reg, rm, vvvv;         /* the registers that it names */
  char *address;             /* what it names instead of the register rm, or NULL */
  size_t stride;             /* bytes from one row there to the next */
  const unsigned char *next; /* instruction */
} instruction;

enum { NO_PREFIX, F3 = 2, F2 = 3 };
#define OPERATION(opcode, prefix) ((opcode) << 2 | (prefix))
enum {
  CONFIGURATION = OPERATION(0x49, NO_PREFIX), /* LDTILECFG from memory, or TILERELEASE */
  TILEZERO = OPERATION(0x49, F2),
  TILELOADD = OPERATION(0x4b, F2),
  TILESTORED = OPERATION(0x4b, F3),
  TDPBF16PS = OPERATION(0x5c, F3),
};

/* On any thread, so that no assertion of cmocka's serves. */
static void give_up(const char *why) {
  fprintf(stderr, "%s\n", why);
  abort();
}

static size_t general_register(const ucontext_t *at, int number) {
  static const int place[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  return (size_t)at->uc_mcontext.gregs[place[number]];
}

/* What ModRM, whose upper bits are `mode`, names in memory; B and X are the fourth bits of the base and the index. */
static void decode_address(instruction *of, const ucontext_t *at, int mode, int b, int x) {
  bool scaled = of->rm == 4;
  int sib = scaled ? *of->next++ : 0, base = scaled ? sib & 7 : of->rm, index = (sib >> 3 & 7) | x;
  bool no_base = mode == 0 && base == 5; /* but what follows this instruction, or nothing */
  int8_t near = 0;
  int32_t far = 0;
  if (mode == 1) memcpy(&near, of->next, sizeof near), of->next += sizeof near;
  if (mode == 2 || no_base) memcpy(&far, of->next, sizeof far), of->next += sizeof far;
  size_t start = !no_base ? general_register(at, base | b) : scaled ? 0 : (size_t)of->next;
  of->address = (char *)start + near + far;
  of->stride = scaled && index != 4 ? general_register(at, index) << (sib >> 6) : 0;
}

/* VEX-coded in three bytes, c4, ~R ~X ~B and the map of opcodes 0F38, W ~vvvv L and the prefix: R, W and L are 0. */
static bool is_amx(const unsigned char *code) {
  bool operation = code[3] == 0x49 || code[3] == 0x4b || code[3] == 0x5c;
  return code[0] == 0xc4 && (code[1] & 0x9f) == 0x82 && (code[2] & 0x84) == 0 && operation;
}

static instruction decode(const unsigned char *code, const ucontext_t *at) {
  instruction of = {.operation = OPERATION(code[3], code[2] & 3), .vvvv = ~code[2] >> 3 & 15, .next = code + 5};
  int mode = code[4] >> 6, not_x = code[1] & 0x40, not_b = code[1] & 0x20;
  of.reg = code[4] >> 3 & 7, of.rm = code[4] & 7;
  if (mode != 3) decode_address(&of, at, mode, not_b ? 0 : 8, not_x ? 0 : 8);
  return of;
}

static void load_config(const char *from) {
  memcpy(&unit.layout, from, sizeof unit.layout);
  static const uint8_t zeros[sizeof unit.layout];
  bool whole = unit.layout.palette == 1 && memcmp(unit.layout.reserved, zeros, sizeof unit.layout.reserved) == 0;
  for (int t = 0; t < 16; t++)
    whole = whole && unit.layout.rows[t] == (t < TILES ? ROWS : 0) &&
            unit.layout.row_bytes[t] == (t < TILES ? ROW_BYTES : 0);
  if (!whole) give_up("a configuration of other than whole registers, which is all that is known here");
  memset(unit.tiles, 0, sizeof unit.tiles);
}

static void load(tile *to, const instruction *of) {
  for (size_t i = 0; i < ROWS; i++) memcpy(to->row[i], of->address + i * of->stride, ROW_BYTES);
}

static void store(const tile *from, const instruction *of) {
  for (size_t i = 0; i < ROWS; i++) memcpy(of->address + i * of->stride, from->row[i], ROW_BYTES);
}

/* Denormal numbers are zeros to this unit, as inputs and as results. */
static float flushed(uint32_t bits) {
  float value;
  if ((bits & 0x7f800000) == 0) bits &= 0x80000000;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* number[depth's parity, row, column], of pairs of bfloat16 whose even depth lies in the lower half */
static void widen(const tile *from, float number[2][ROWS][NUMBERS]) {
  uint32_t pair[ROWS][NUMBERS];
  memcpy(pair, from, sizeof pair);
  for (size_t i = 0; i < ROWS; i++)
    for (size_t j = 0; j < NUMBERS; j++) {
      number[0][i][j] = flushed(pair[i][j] << 16);
      number[1][i][j] = flushed(pair[i][j] & 0xffff0000);
    }
}

/* sums[m, n] += sum over k of a[m, k] b[k, n], even and odd depths k apart. A product of two bfloat16 is exact in
 * float, so that a multiplication and an addition are the fused one of the unit. */
static void multiply(tile *sums, const tile *rows, const tile *columns) {
  float a[2][ROWS][NUMBERS], b[2][ROWS][NUMBERS], total[ROWS][NUMBERS];
  widen(rows, a), widen(columns, b);
  memcpy(total, sums, sizeof total);
  for (size_t m = 0; m < ROWS; m++) {
    float even[NUMBERS] = {0}, odd[NUMBERS] = {0};
    for (size_t k = 0; k < NUMBERS; k++)
      for (size_t n = 0; n < NUMBERS; n++) even[n] += a[0][m][k] * b[0][k][n], odd[n] += a[1][m][k] * b[1][k][n];
    for (size_t n = 0; n < NUMBERS; n++) {
      uint32_t bits;
      total[m][n] += even[n] + odd[n];
      memcpy(&bits, &total[m][n], sizeof bits);
      total[m][n] = flushed(bits);
    }
  }
  memcpy(sums, total, sizeof total);
}

static void carry_out(const instruction *of) {
  tile *named = &unit.tiles[of->reg];
  bool configures = of->operation == CONFIGURATION;
  if (!configures && unit.layout.palette == 0) give_up("a register of AMX is used without a configuration");
  if (configures && of->address) load_config(of->address);
  else if (configures) memset(&unit, 0, sizeof unit);
  else if (of->operation == TILEZERO) memset(named, 0, sizeof *named);
  else if (of->operation == TILELOADD) load(named, of);
  else if (of->operation == TILESTORED) store(named, of);
  else if (of->operation == TDPBF16PS) multiply(named, &unit.tiles[of->rm], &unit.tiles[of->vvvv]);
  else give_up("an instruction of AMX that is not known here");
}

/* For SIGILL. Those that follow are carried out at once: the way through the system takes longer than they do. */
static void carry_out_instructions(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)info;
  greg_t *here = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
  if (!is_amx((const unsigned char *)*here)) give_up("an illegal instruction that is none of AMX");
  while (is_amx((const unsigned char *)*here)) {
    instruction of = decode((const unsigned char *)*here, context);
    carry_out(&of);
    *here = (greg_t)of.next;
  }
}

bool __real_kernel_amx(void);
bool __wrap_kernel_amx(void);

bool __wrap_kernel_amx(void) {
  bool replaced = kernel_bf16_is_fast(); /* by plain C, or there is a true unit */
  if (replaced || strcmp(kernel_cpu_in_use(), "avx512") != 0) return __real_kernel_amx();
  struct sigaction action = {.sa_sigaction = carry_out_instructions, .sa_flags = SA_SIGINFO};
  if (sigaction(SIGILL, &action, NULL) != 0) give_up("no handler for SIGILL"); /* anew: cmocka sets its own each test */
  return true;
}
