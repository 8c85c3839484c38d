// How fast the cores' tile units are at this moment: what benchmarks/amx.py brackets its samples with.
//
//   canary_open(cpus, count)  asks for tiles and starts a thread on each CPU but the first, which is
//                             the caller's; returns 0, or the kernel's error
//   canary_ns()               ns a product of two tiles, each with a load from L1, on the slowest of
//                             the CPUs, over about 2 us
//
// The thread's own tile configuration is put back afterwards: oneDNN remembers what it has set and
// does not look again. The tiles' contents are lost, which no library keeps between its calls.
#include <errno.h>
#include <immintrin.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "amx_tiles.h"

namespace {

constexpr int kBefore = 128, kProducts = 336;  // a unit that was idle begins slowly

double now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);  // which waits for the instructions before it
  return time.tv_sec * 1e9 + time.tv_nsec;
}

alignas(64) const uint8_t operands[4][1024] = {};

// Four sums of two by two operands, loaded anew each time from L1: what shares the core takes more
// from the loads than from the products.
void multiply(int products) {
  for (int at = 0; at < products; at += 4) {
    _tile_loadd(4, operands[0], 64);
    _tile_loadd(5, operands[1], 64);
    _tile_loadd(6, operands[2], 64);
    _tile_loadd(7, operands[3], 64);
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
}

double product_ns() {
  TileShapes before;
  asm volatile("sttilecfg %0" : "=m"(before));
  configure_tiles(TileShapes());
  multiply(kBefore);
  const double begin = now_ns();
  multiply(kProducts);
  const double end = now_ns();
  configure_tiles(before);
  return (end - begin) / kProducts;
}

// The threads of the other CPUs, which sleep until they are asked. They live until the process ends,
// and so must what they wait on: destroying it would wait for them.
std::mutex& lock = *new std::mutex;
std::condition_variable& asked = *new std::condition_variable;
std::condition_variable& answered = *new std::condition_variable;
unsigned question = 0, others = 0, answers = 0;
double slowest = 0;

void answer_for(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof(set), &set);
  std::unique_lock<std::mutex> held(lock);
  for (unsigned seen = 0;; seen = question) {
    asked.wait(held, [&] { return question != seen; });
    held.unlock();
    const double mine = product_ns();
    held.lock();
    slowest = std::max(slowest, mine);
    ++answers;
    answered.notify_one();
  }
}

}  // namespace

extern "C" int canary_open(const int* cpus, int count) {
  if (!allow_tiles()) return errno;
  for (int at = 1; at < count; ++at) std::thread(answer_for, cpus[at]).detach();
  others = count - 1;
  return 0;
}

extern "C" double canary_ns() {
  if (others == 0) return product_ns();
  std::unique_lock<std::mutex> held(lock);
  slowest = 0;
  answers = 0;
  ++question;
  asked.notify_all();
  answered.wait(held, [] { return answers == others; });
  held.unlock();
  return std::max(slowest, product_ns());
}
