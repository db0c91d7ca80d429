#include "autograd/kernels/kernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif
#if defined(HAVE_AMX_KERNELS) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* cpu.c, as compiled for each kind of CPU */
extern const kernel_table_f32 kernels_f32_portable;
extern const kernel_table_f64 kernels_f64_portable;
#ifdef HAVE_AVX2_KERNELS
extern const kernel_table_f32 kernels_f32_avx2;
extern const kernel_table_f64 kernels_f64_avx2;
#endif
#ifdef HAVE_AVX512_KERNELS
extern const kernel_table_f32 kernels_f32_avx512;
extern const kernel_table_f64 kernels_f64_avx512;
#endif

#ifdef HAVE_AVX512_KERNELS
static bool has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
}
#endif

#ifdef HAVE_AVX2_KERNELS
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

static bool has_any(void) { return true; }

typedef struct {
  const char *name;
  bool (*runs_here)(void);
  const kernel_table_f32 *f32;
  const kernel_table_f64 *f64;
} cpu_kind;

/* best first; the last runs everywhere */
static const cpu_kind kinds[] = {
#ifdef HAVE_AVX512_KERNELS
    {"avx512", has_avx512, &kernels_f32_avx512, &kernels_f64_avx512},
#endif
#ifdef HAVE_AVX2_KERNELS
    {"avx2", has_avx2, &kernels_f32_avx2, &kernels_f64_avx2},
#endif
    {"portable", has_any, &kernels_f32_portable, &kernels_f64_portable},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static _Atomic(const cpu_kind *) in_use; /* NULL: not chosen yet */

/* The best kind of that name, or of any name for NULL, that runs on this CPU; NULL if there is none. */
static const cpu_kind *find_kind(const char *name) {
  for (size_t i = 0; i < KINDS; i++)
    if ((!name || strcmp(name, kinds[i].name) == 0) && kinds[i].runs_here()) return &kinds[i];
  return NULL;
}

static const cpu_kind *current_kind(void) {
  const cpu_kind *kind = atomic_load_explicit(&in_use, memory_order_relaxed);
  if (kind) return kind;
  const cpu_kind *first = find_kind(getenv("DUALTAPE_CPU"));
  if (!first) first = find_kind(NULL);
  /* another thread may have chosen meanwhile: its choice stands, and is now in `kind` */
  return atomic_compare_exchange_strong(&in_use, &kind, first) ? first : kind;
}

const kernel_table_f32 *kernels_f32(void) { return current_kind()->f32; }
const kernel_table_f64 *kernels_f64(void) { return current_kind()->f64; }

const char *kernel_cpu_in_use(void) { return current_kind()->name; }

const char *kernel_cpu_name(size_t index) {
  for (size_t i = 0; i < KINDS; i++)
    if (kinds[i].runs_here() && index-- == 0) return kinds[i].name;
  return NULL;
}

bool kernel_force_cpu(const char *name) {
  const cpu_kind *kind = find_kind(name);
  if (kind) atomic_store(&in_use, kind);
  return kind != NULL;
}

/* AMX's bfloat16 unit: of the CPU (CPUID leaf 7: EDX bits 22 and 24), and given to this process by the system
 * (arch_prctl ARCH_REQ_XCOMP_PERM for the tile data; Linux 5.16). */
static bool ask_for_amx(void) {
#if defined(HAVE_AMX_KERNELS) && defined(__linux__)
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18, AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24 };
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & AMX_BF16) || !(d & AMX_TILE)) return false;
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
  return false;
#endif
}

static atomic_bool emulated;

bool kernel_amx(void) {
  enum { UNASKED, REFUSED, GIVEN };
  static atomic_int answer = UNASKED;
  if (atomic_load(&emulated) || strcmp(current_kind()->name, "avx512") != 0) return false;
  if (atomic_load(&answer) == UNASKED) atomic_store(&answer, ask_for_amx() ? GIVEN : REFUSED);
  return atomic_load(&answer) == GIVEN;
}

bool kernel_bf16_is_fast(void) { return atomic_load(&emulated) || kernel_amx(); }
void kernel_emulate_bf16(bool on) { atomic_store(&emulated, on); }

#ifdef _OPENMP
void kernel_set_threads(int threads) { omp_set_num_threads(threads > 0 ? threads : omp_get_num_procs()); }
int kernel_get_threads(void) { return omp_get_max_threads(); }
#else
void kernel_set_threads(int threads) {}
int kernel_get_threads(void) { return 1; }
#endif
