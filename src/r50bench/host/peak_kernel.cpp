// What the cores of this machine can compute and move at most, measured.
//
//   peak_kernel CPUS ROUNDS SLICE_MS BYTES_PER_CPU
//
// CPUS is a list such as 0,1,4. One thread is bound to each; for each slice of each test all start
// together, and each counts what it has done until the slice is over. Tests whose instructions this
// CPU or this compiler lacks are not compiled in; nor are AMX's with -DWITHOUT_TILES. One line on
// stdout per test and round; the rates are operations or bytes per second of each CPU, in the order of
// CPUS. A test of instructions that cannot be carried out here has one line that says why instead: the
// signal that ended it, or the kernel's error when it was asked for AMX's tiles:
//
//   vpdpbusd_512 0 9.41e+11 9.40e+11
//   vdpbf16ps_512 signal 4
//   tdpbusd refused Operation not permitted
//
// A multiplication and an addition are two operations. Compute tests touch registers only, and have
// enough independent sums to hide the latency of their units. Exits with 2 on wrong arguments, with
// 3 where a thread cannot be bound or has no memory.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <initializer_list>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
// Clang up to 14 spells them without the second underscore.
#if (defined(__AMX_TILE__) || defined(__AMXTILE__)) && !defined(WITHOUT_TILES)
#include "amx_tiles.h"
#define WITH_TILES 1
#if defined(__AMX_BF16__) || defined(__AMXBF16__)
#define WITH_BF16_TILES 1
#endif
#if defined(__AMX_INT8__) || defined(__AMXINT8__)
#define WITH_INT8_TILES 1
#endif
#endif
#define KEEP(value) asm volatile("" : "+v"(value))
#elif defined(__aarch64__)
#include <arm_neon.h>
#define KEEP(value) asm volatile("" : "+w"(value))
#endif

namespace {

// What one thread works on: three arrays of `length` doubles each, in its own node's memory.
struct Arrays {
  double* a;
  double* b;
  double* c;
  size_t length;
};

// One call is some tens of microseconds of arithmetic, so that looking at the clock costs nothing.
constexpr int kSteps = 4096;

#define EACH_12(step) \
  step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7) step(8) step(9) step(10) step(11)
#define EACH_24(step)                                                                   \
  EACH_12(step) step(12) step(13) step(14) step(15) step(16) step(17) step(18) step(19) \
  step(20) step(21) step(22) step(23)
#define BEGIN(number) Vector sum##number = Instruction::zero();
// KEEP hides the value from the compiler, which can then neither shorten the sum nor take it out of
// its register.
#define STEP(number)                                \
  sum##number = Instruction::more(sum##number, one); \
  KEEP(sum##number);

// For machines with 16 registers: twelve sums, two units of a latency of up to six.
template <typename Instruction>
void twelve_sums(const Arrays&) {
  using Vector = typename Instruction::Vector;
  Vector one = Instruction::one();
  KEEP(one);
  EACH_12(BEGIN)
  for (int at = 0; at < kSteps; ++at) {
    EACH_12(STEP)
  }
}

// For machines with 32 registers.
template <typename Instruction>
void many_sums(const Arrays&) {
  using Vector = typename Instruction::Vector;
  Vector one = Instruction::one();
  KEEP(one);
  EACH_24(BEGIN)
  for (int at = 0; at < kSteps; ++at) {
    EACH_24(STEP)
  }
}

// Each instruction adds products of ones to a sum, so that nothing overflows or turns denormal.
#if defined(__AVX512F__)
struct Fma512 {
  using Vector = __m512;
  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector one() { return _mm512_set1_ps(1); }
  static Vector more(Vector sum, Vector one) { return _mm512_fmadd_ps(one, one, sum); }
};
#endif
#if defined(__AVX512BF16__)
struct Vdpbf16ps512 {
  using Vector = __m512;
  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector one() { return _mm512_castsi512_ps(_mm512_set1_epi16(0x3f80)); }
  static Vector more(Vector sum, Vector one) {
    return _mm512_dpbf16_ps(sum, (__m512bh)one, (__m512bh)one);
  }
};
#endif
#if defined(__AVX512VNNI__)
struct Vpdpbusd512 {
  using Vector = __m512i;
  static Vector zero() { return _mm512_setzero_si512(); }
  static Vector one() { return _mm512_set1_epi8(1); }
  static Vector more(Vector sum, Vector one) { return _mm512_dpbusd_epi32(sum, one, one); }
};
#endif
#if defined(__FMA__)
struct Fma256 {
  using Vector = __m256;
  static Vector zero() { return _mm256_setzero_ps(); }
  static Vector one() { return _mm256_set1_ps(1); }
  static Vector more(Vector sum, Vector one) { return _mm256_fmadd_ps(one, one, sum); }
};
#endif
#if defined(__AVXVNNI__)
struct Vpdpbusd256 {
  using Vector = __m256i;
  static Vector zero() { return _mm256_setzero_si256(); }
  static Vector one() { return _mm256_set1_epi8(1); }
  static Vector more(Vector sum, Vector one) { return _mm256_dpbusd_avx_epi32(sum, one, one); }
};
#endif
#if defined(__aarch64__)
struct Fmla128 {
  using Vector = float32x4_t;
  static Vector zero() { return vdupq_n_f32(0); }
  static Vector one() { return vdupq_n_f32(1); }
  static Vector more(Vector sum, Vector one) { return vfmaq_f32(sum, one, one); }
};
#if defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
struct Bfmmla128 {
  using Vector = float32x4_t;
  static Vector zero() { return vdupq_n_f32(0); }
  static Vector one() { return vreinterpretq_f32_u16(vdupq_n_u16(0x3f80)); }
  static Vector more(Vector sum, Vector one) {
    return vbfmmlaq_f32(sum, vreinterpretq_bf16_f32(one), vreinterpretq_bf16_f32(one));
  }
};
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
struct Smmla128 {
  using Vector = int32x4_t;
  static Vector zero() { return vdupq_n_s32(0); }
  static Vector one() { return vreinterpretq_s32_s8(vdupq_n_s8(1)); }
  static Vector more(Vector sum, Vector one) {
    return vmmlaq_s32(sum, vreinterpretq_s8_s32(one), vreinterpretq_s8_s32(one));
  }
};
#endif
#if defined(__ARM_FEATURE_DOTPROD)
struct Sdot128 {
  using Vector = int32x4_t;
  static Vector zero() { return vdupq_n_s32(0); }
  static Vector one() { return vreinterpretq_s32_s8(vdupq_n_s8(1)); }
  static Vector more(Vector sum, Vector one) {
    return vdotq_s32(sum, vreinterpretq_s8_s32(one), vreinterpretq_s8_s32(one));
  }
};
#endif
#endif

#if WITH_TILES
// Four sums of two by two operands: a product of tiles occupies its unit for 16 cycles and is
// complete after 52.
#define TILES(name, product)                                              \
  void name(const Arrays&) {                                              \
    configure_tiles(TileShapes());                                        \
    _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3);           \
    _tile_zero(4); _tile_zero(5); _tile_zero(6); _tile_zero(7);           \
    for (int at = 0; at < kSteps; ++at) {                                 \
      product(0, 4, 6); product(1, 4, 7); product(2, 5, 6); product(3, 5, 7); \
    }                                                                     \
    _tile_release();                                                      \
  }
#if WITH_BF16_TILES
TILES(tdpbf16ps, _tile_dpbf16ps)
#endif
#if WITH_INT8_TILES
TILES(tdpbusd, _tile_dpbusd)
#endif
#endif

// All three arrays, read once. Integers, since the compiler may reorder their sum.
void read_memory(const Arrays& own) {
  uint64_t sum = 0;
  for (const double* array : {own.a, own.b, own.c}) {
    const uint64_t* words = reinterpret_cast<const uint64_t*>(array);
    for (size_t at = 0; at < own.length; ++at) sum += words[at];
  }
  asm volatile("" : : "r"(sum));
}

// McCalpin's STREAM triad: two arrays read, one written.
void triad_memory(const Arrays& own) {
  double* __restrict a = own.a;
  const double* __restrict b = own.b;
  const double* __restrict c = own.c;
  for (size_t at = 0; at < own.length; ++at) a[at] = b[at] + 3.0 * c[at];
  asm volatile("" : : "r"(a) : "memory");
}

enum class Needs { registers, tiles, memory };

struct Test {
  const char* name;
  void (*call)(const Arrays&);
  double work;  // operations of one call; of the memory tests bytes per double of one array
  Needs needs;
};

// Calls of the memory tests go through a part of the arrays at a time, each where the last one
// ended: all of it would take many slices where caches are large.
constexpr size_t kPart = 1 << 17;

// Operations of one call: steps x sums x multiply-accumulates of an instruction x 2.
constexpr double ops(int sums, int macs) { return 2.0 * kSteps * sums * macs; }

const Test kTests[] = {
#if defined(__AVX512F__)
    {"fma_512", many_sums<Fma512>, ops(24, 16), Needs::registers},
#endif
#if defined(__AVX512BF16__)
    {"vdpbf16ps_512", many_sums<Vdpbf16ps512>, ops(24, 32), Needs::registers},
#endif
#if defined(__AVX512VNNI__)
    {"vpdpbusd_512", many_sums<Vpdpbusd512>, ops(24, 64), Needs::registers},
#endif
#if defined(__FMA__)
    {"fma_256", twelve_sums<Fma256>, ops(12, 8), Needs::registers},
#endif
#if defined(__AVXVNNI__)
    {"vpdpbusd_256", twelve_sums<Vpdpbusd256>, ops(12, 32), Needs::registers},
#endif
#if WITH_BF16_TILES
    {"tdpbf16ps", tdpbf16ps, ops(4, 16 * 16 * 32), Needs::tiles},
#endif
#if WITH_INT8_TILES
    {"tdpbusd", tdpbusd, ops(4, 16 * 16 * 64), Needs::tiles},
#endif
#if defined(__aarch64__)
    {"fmla_128", many_sums<Fmla128>, ops(24, 4), Needs::registers},
#if defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
    {"bfmmla_128", many_sums<Bfmmla128>, ops(24, 16), Needs::registers},
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
    {"smmla_128", many_sums<Smmla128>, ops(24, 32), Needs::registers},
#endif
#if defined(__ARM_FEATURE_DOTPROD)
    {"sdot_128", many_sums<Sdot128>, ops(24, 16), Needs::registers},
#endif
#endif
    {"read", read_memory, 3 * sizeof(double), Needs::memory},
    {"triad", triad_memory, 3 * sizeof(double), Needs::memory},
};

int64_t now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

void die(const char* what) {
  perror(what);
  _exit(3);
}

void bind(int cpu) {
  cpu_set_t* set = CPU_ALLOC(cpu + 1);
  const size_t size = CPU_ALLOC_SIZE(cpu + 1);
  CPU_ZERO_S(size, set);
  CPU_SET_S(cpu, size, set);
  if (sched_setaffinity(0, size, set) != 0) die("cannot bind a thread");
  CPU_FREE(set);
}

// Allocated and touched by the thread that uses it, so that it lies in that thread's node.
Arrays allocate(size_t bytes) {
  const size_t length = bytes / sizeof(double) / 3 / 8 * 8;
  void* block = nullptr;
  if (posix_memalign(&block, 1 << 21, 3 * length * sizeof(double)) != 0) die("no memory");
  madvise(block, 3 * length * sizeof(double), MADV_HUGEPAGE);  // or touching them takes seconds
  double* a = static_cast<double*>(block);
  for (size_t at = 0; at < 3 * length; ++at) a[at] = 1.0;
  return {a, a + length, a + 2 * length, length};
}

// Every thread runs the same slices in the same order; slice i begins for all at `begins[i]`, which
// the first thread sets once all have come to the barrier.
struct Slices {
  explicit Slices(unsigned threads) { pthread_barrier_init(&barrier, nullptr, threads); }
  pthread_barrier_t barrier;
  std::atomic<int64_t> begin{0};
};

// `from` is where in the arrays the next call of a memory test begins.
double run_slice(const Test& test, const Arrays& own, size_t& from, Slices& slices, bool first,
                 int64_t slice_ns) {
  constexpr int64_t kLeadNs = 200000;
  pthread_barrier_wait(&slices.barrier);
  if (first) slices.begin = now_ns() + kLeadNs;
  pthread_barrier_wait(&slices.barrier);
  const int64_t begin = slices.begin;
  while (now_ns() < begin) {
  }
  double done = 0;
  int64_t end;
  do {
    if (test.needs == Needs::memory) {
      const size_t length = std::min(kPart, own.length - from);
      test.call({own.a + from, own.b + from, own.c + from, length});
      done += test.work * length;
      from = (from + length) % own.length;
    } else {
      test.call(own);
      done += test.work;
    }
    end = now_ns();
  } while (end < begin + slice_ns);
  return done / (end - begin) * 1e9;
}

// Calls a test once in a process of its own, and returns the signal that ended it, or 0.
int fatal_signal(const Test& test) {
  constexpr unsigned kPatienceS = 10;
  const pid_t child = fork();
  if (child < 0) die("cannot try a test");
  if (child == 0) {
    const rlimit no_core_file = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core_file);
    alarm(kPatienceS);
    test.call(Arrays());
    _exit(0);
  }
  int status;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) die("cannot try a test");
  }
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

// Returns the tests that can be carried out here, and prints of the others why they cannot.
std::vector<Test> tests_that_run() {
  const char* refused = nullptr;
#if WITH_TILES
  if (!allow_tiles()) refused = strerror(errno);
#endif
  std::vector<Test> found;
  for (const Test& test : kTests) {
    const bool computes = test.needs != Needs::memory;
    if (test.needs == Needs::tiles && refused != nullptr) printf("%s refused %s\n", test.name, refused);
    else if (const int fatal = computes ? fatal_signal(test) : 0) printf("%s signal %d\n", test.name, fatal);
    else found.push_back(test);
  }
  return found;
}

}  // namespace

int main(int count, char** words) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::vector<int> cpus;
  if (count == 5) {
    for (char* at = words[1]; *at != '\0';) {
      cpus.push_back(strtol(at, &at, 10));
      if (*at == ',') ++at;
      else if (*at != '\0') return 2;
    }
  }
  if (cpus.empty()) return 2;
  const int rounds = atoi(words[2]);
  const int64_t slice_ns = atoll(words[3]) * 1000000;
  const size_t bytes = atoll(words[4]);
  if (rounds < 1 || slice_ns < 1 || bytes < 4096) return 2;
  const std::vector<Test> tests = tests_that_run();
  fflush(stdout);
  std::vector<std::vector<double>> rates(rounds * tests.size(), std::vector<double>(cpus.size()));
  Slices slices(cpus.size());
  std::vector<std::thread> threads;
  for (size_t at = 0; at < cpus.size(); ++at) {
    threads.emplace_back([&, at] {
      bind(cpus[at]);
      const Arrays own = allocate(bytes);
      size_t from = 0;
      for (size_t slice = 0; slice < rates.size(); ++slice) {
        const Test& test = tests[slice % tests.size()];
        rates[slice][at] = run_slice(test, own, from, slices, at == 0, slice_ns);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (size_t slice = 0; slice < rates.size(); ++slice) {
    printf("%s %zu", tests[slice % tests.size()].name, slice / tests.size());
    for (double rate : rates[slice]) printf(" %.4e", rate);
    printf("\n");
  }
  return 0;
}
