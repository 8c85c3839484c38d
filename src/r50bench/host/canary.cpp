// Whether a core is at its full speed at this moment: a loop of known work, some 2 us long.
//
// Independent additions in general registers, as many at once as any core can begin: they take turns
// with whatever else runs on the same core, a sibling thread of another guest included, whatever that
// computes, and are slow while the clock is. They touch no memory and no vector unit, so that neither
// caches nor the clock of wide vectors are other after them than before.
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

constexpr int kRounds = 500, kWarmRounds = kRounds / 4;  // 48 additions a round

int64_t now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t(time.tv_sec) * 1000000000 + time.tv_nsec;
}

#define SIX_TIMES(text) text text text text text text

void add(int rounds) {
  uint64_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
  uint64_t one = 1;  // in a register: some cores add constants without carrying anything out
  for (int round = 0; round < rounds; ++round) {
#if defined(__x86_64__)
    asm volatile(SIX_TIMES("add %8, %0\n\tadd %8, %1\n\tadd %8, %2\n\tadd %8, %3\n\t"
                           "add %8, %4\n\tadd %8, %5\n\tadd %8, %6\n\tadd %8, %7\n\t")
                 : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h)
                 : "r"(one)
                 : "cc");
#elif defined(__aarch64__)
    asm volatile(SIX_TIMES("add %0, %0, %8\n\tadd %1, %1, %8\n\tadd %2, %2, %8\n\tadd %3, %3, %8\n\t"
                           "add %4, %4, %8\n\tadd %5, %5, %8\n\tadd %6, %6, %8\n\tadd %7, %7, %8\n\t")
                 : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h)
                 : "r"(one));
#else
#error "no loop is written for this architecture"
#endif
  }
}

// What the loop takes on the calling thread's core. Its code comes from memory at first, and so does
// the clock's.
int64_t look_ns() {
  add(kWarmRounds);
  now_ns();
  const int64_t begin = now_ns();
  add(kRounds);
  return now_ns() - begin;
}

// proc(5), /proc/pid/schedstat: ns on a CPU, ns ready without one. -1 where it cannot be read.
int64_t waited_ns(int file) {
  char text[96];
  const ssize_t length = pread(file, text, sizeof(text) - 1, 0);
  if (length <= 0) return -1;
  text[length] = 0;
  char* end;
  strtoull(text, &end, 10);
  return strtoll(end, nullptr, 10);
}

}  // namespace

extern "C" {

// As libgomp's GOMP_parallel, which other OpenMP libraries have too: runs the function in the team of
// the calling thread, the one that computes its batches.
typedef void (*Parallel)(void (*)(void*), void*, unsigned, unsigned);

struct Canary {
  Parallel parallel;       // null: only the calling thread's core is looked at
  int64_t threads;         // of the team
  const int32_t* files;    // schedstat of each thread that may wait
  int64_t count;           // of files
  int64_t* waited_before;  // by file
  int64_t switches;        // of this process so far: without any, no thread can have waited
  // What a look found: ns of the slowest core, and since the last look of the thread that waited most
  // (-1: not known); by thread of the team, the CPU it ran on.
  int64_t slowest_ns, waited_ns;
  int32_t* cpus;
};

struct Asked {
  Canary* canary;
  std::atomic<int64_t> next, slowest_ns;
};

static void answer(void* data) {
  Asked& asked = *static_cast<Asked*>(data);
  const int64_t mine = look_ns(), at = asked.next++;
  if (at < asked.canary->threads) asked.canary->cpus[at] = sched_getcpu();
  int64_t slowest = asked.slowest_ns;
  while (mine > slowest && !asked.slowest_ns.compare_exchange_weak(slowest, mine)) {
  }
}

void canary_look(Canary* canary) {
  Asked asked{canary, {0}, {0}};
  if (canary->parallel) {
    canary->parallel(answer, &asked, unsigned(canary->threads), 0);
  } else {
    answer(&asked);
  }
  canary->slowest_ns = asked.slowest_ns;

  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const int64_t switches = usage.ru_nvcsw + usage.ru_nivcsw;
  canary->waited_ns = canary->count ? 0 : -1;
  if (switches == canary->switches) return;
  canary->switches = switches;
  for (int64_t at = 0; at < canary->count; ++at) {
    const int64_t waited = waited_ns(canary->files[at]);
    if (waited < 0) continue;
    const int64_t more = waited - canary->waited_before[at];
    if (more > canary->waited_ns) canary->waited_ns = more;
    canary->waited_before[at] = waited;
  }
}

}  // extern "C"
