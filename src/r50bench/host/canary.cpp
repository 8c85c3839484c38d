// Whether a core is at its full speed at this moment: a loop of known work, some 2 us long.
//
// Independent additions in general registers, as many at once as any core can begin: they take turns
// with whatever else runs on the same core, a sibling thread of another guest included, whatever that
// computes, and are slow while the clock is. They touch no memory and no vector unit, so that neither
// caches nor the clock of wide vectors are other after them than before.
//
// A look is taken between two batches, after which little of it is left in the caches: what it costs is
// what it touches. So Python calls it as one of its own functions, without ctypes (which would double
// the cost), and it writes down what it finds and says itself when the next one is due.
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
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
  int32_t* cpus;           // by thread of the team, the CPU it ran on at the last look
  // The looks of this round: room for `most` of them, and so many `taken`. After which stamp each was
  // taken; ns of the slowest core; ns since the look before of the thread that waited most (-1: not
  // known); ns of the look itself.
  int64_t most, taken;
  int64_t *after_ns, *slowest_ns, *waited_ns, *cost_ns;
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

static int64_t slowest_of(Canary* canary) {
  Asked asked{canary, {0}, {0}};
  if (canary->parallel) {
    canary->parallel(answer, &asked, unsigned(canary->threads), 0);
  } else {
    answer(&asked);
  }
  return asked.slowest_ns;
}

static int64_t waited_most(Canary* canary) {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const int64_t switches = usage.ru_nvcsw + usage.ru_nivcsw;
  int64_t most = canary->count ? 0 : -1;
  if (switches == canary->switches) return most;
  canary->switches = switches;
  for (int64_t at = 0; at < canary->count; ++at) {
    const int64_t waited = waited_ns(canary->files[at]);
    if (waited < 0) continue;
    most = std::max(most, waited - canary->waited_before[at]);
    canary->waited_before[at] = waited;
  }
  return most;
}

// For how long to look no more after so many looks that cost so much: all together they are to cost a
// thousandth at most, and some cost far more than the usual one, which is the median of the latest.
// Where that had to wait for its cores it says nothing of what a look costs.
int64_t canary_pause_ns(const int64_t* cost_ns, int64_t taken) {
  constexpr int64_t kApart = 2000, kMost = 200'000'000, kLatest = 15;
  int64_t latest[kLatest];
  const int64_t count = std::min(taken, kLatest);
  std::copy(cost_ns + taken - count, cost_ns + taken, latest);
  std::sort(latest, latest + count);
  return std::min(kApart * latest[(count - 1) / 2], kMost);
}

// Looks once, after a batch that ended at a stamp of CLOCK_MONOTONIC; returns when the next is due.
int64_t canary_look(Canary* canary, int64_t after_ns) {
  const int64_t at = canary->taken;
  if (at == canary->most) return INT64_MAX;
  canary->after_ns[at] = after_ns;
  canary->slowest_ns[at] = slowest_of(canary);
  canary->waited_ns[at] = waited_most(canary);
  const int64_t end_ns = now_ns();
  canary->cost_ns[at] = end_ns - after_ns;
  canary->taken = at + 1;
  return end_ns + canary_pause_ns(canary->cost_ns, canary->taken);
}

// What follows is of CPython's stable ABI, said here since its headers are not installed everywhere.
struct PyObject;
PyObject* PyErr_Occurred();
PyObject* PyLong_FromLongLong(long long);
long long PyLong_AsLongLong(PyObject*);
void* PyLong_AsVoidPtr(PyObject*);

static PyObject* look(PyObject* canary, PyObject* after) {
  const long long after_ns = PyLong_AsLongLong(after);
  if (after_ns == -1 && PyErr_Occurred()) return nullptr;
  return PyLong_FromLongLong(canary_look(static_cast<Canary*>(PyLong_AsVoidPtr(canary)), after_ns));
}

// PyMethodDef of a function that takes one object (METH_O). Python's int with a canary's address is
// the object that it is bound to.
struct Method {
  const char* name;
  PyObject* (*function)(PyObject*, PyObject*);
  int flags;
  const char* doc;
};

extern const Method canary_method;
const Method canary_method = {"look", look, 0x0008, nullptr};

}  // extern "C"
