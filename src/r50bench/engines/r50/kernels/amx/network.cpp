// ResNet-50 as one prepared run over a plan: convolutions by AMX's tiles, with what follows them in
// AVX-512. Compiled once per numerics (-DR50_INT8, -DR50_BF16 or -DR50_BF32), and with
// -DR50_EMULATED for any x86-64; amx_plan.py lays out plan and weights.
#include <omp.h>
#include <sys/mman.h>

#include <chrono>

#include "front.h"

namespace {

void do_step(const Run& run, int64_t number, int64_t first, int64_t index, int64_t* nanoseconds) {
  using Clock = std::chrono::steady_clock;
  const Step& step = run.steps[number];
  const auto began = nanoseconds ? Clock::now() : Clock::time_point();
  switch (step.kind) {
    case kFront:
      for (int64_t image = 0; image < step.group && first + image < run.images; image++)
        enter(run, step, run.input.values + (first + image) * run.input.image, image);
      break;
    case kConvolution: convolve(run, step, index); break;
    case kAverage: average(run, step); break;
    default: classify(run, step, first);
  }
  if (run.team.size > 1) {
#pragma omp barrier
  }
  if (nanoseconds && run.team.rank == 0)
    nanoseconds[number] += std::chrono::nanoseconds(Clock::now() - began).count();
}

// Runs a stage over the group of images that begins with `first` and is number `index` of its
// parent's, after the stages before it over the groups that it is made of.
void run_level(const Run& run, int64_t level, int64_t first, int64_t index, int64_t* nanoseconds) {
  if (level > 0) {
    const int64_t below = run.groups[level - 1];
    for (int64_t part = 0; part < run.groups[level] / below; part++)
      if (first + part * below < run.images)
        run_level(run, level - 1, first + part * below, part, nanoseconds);
  }
  for (int64_t number = 0; number < run.plan->count; number++)
    if (run.steps[number].level == level) do_step(run, number, first, index, nanoseconds);
}

// The variant for the next images: that of the smallest group they nearly fill, else the largest
// that they do fill. Variants come by size, the smallest is for one image.
int64_t choose_variant(const Plan& plan, int64_t images) {
  int64_t chosen = 0;
  for (int64_t variant = 0; variant < plan.variants; variant++) {
    const int64_t group = plan.groups[variant * kLevels + kLevels - 1];
    if (group <= images) chosen = variant;
    if (group >= images) return 4 * images >= 3 * group ? variant : chosen;
  }
  return chosen;
}

void run_images(const Plan& plan, char* arena, char* scratch, const Input& input, int64_t images,
                float* logits, int64_t classes, Team team, int64_t* nanoseconds) {
  for (int64_t done = 0; done < images;) {
    const int64_t variant = choose_variant(plan, images - done);
    const int64_t* groups = plan.groups + variant * kLevels;
    Input from = input;
    from.values += done * input.image;
    const int64_t now = std::min(groups[kLevels - 1], images - done);
    const Run run = {&plan,  plan.steps + variant * plan.count, groups, arena, scratch, from,
                     logits + done * classes, now, classes, team};
    run_level(run, kLevels - 1, 0, 0, nanoseconds);
    done += now;
  }
}

char* zeroed_pages(int64_t bytes) {
  constexpr int64_t huge = 2 << 20;
  const int64_t whole = (bytes + huge - 1) / huge * huge;
  void* memory = mmap(nullptr, size_t(whole + huge), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  char* aligned = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(memory) + huge - 1) /
                                          uintptr_t(huge) * uintptr_t(huge));
  madvise(aligned, size_t(whole), MADV_HUGEPAGE);
  return aligned;
}

}  // namespace

extern "C" {

// Returns 1 where the kernel lets this process use tiles, after asking it; else 0.
int64_t r50_permitted() { return tiles_permitted(); }

// Returns memory of whole large pages, zeroed, or null; it is never given back.
char* r50_allocate(int64_t bytes) { return zeroed_pages(bytes); }

// Returns one thread's room for activations, or null; borders are zero from now on.
char* r50_arena(const Plan* plan) { return zeroed_pages(plan->arena_bytes); }

// Returns the number of the first step that no kernel fits, -1 if all are fit.
int64_t r50_misfit(const Plan* plan) {
  for (int64_t number = 0; number < plan->variants * plan->count; number++) {
    const Step& step = plan->steps[number];
    if (step.kind == kConvolution || step.kind == kFront)
      if (!find_kernel(step) || step.tiles % step.rows) return number % plan->count;
  }
  return -1;
}

// Runs a batch. `arenas` holds one arena per thread. Where there are as many images as threads,
// each thread takes its own; what is left over, the threads do together. `nanoseconds`, if not
// null, is given each step's time in the first thread.
void r50_run(const Plan* plan, char* const* arenas, int64_t threads, const Input* input,
             int64_t batch, float* logits, int64_t classes, int64_t* nanoseconds) {
  const int64_t alone = batch / threads, together = batch - alone * threads;
#pragma omp parallel num_threads(int(threads))
  {
    const TileSession session;
    const int64_t rank = omp_get_thread_num();
    char* scratch = arenas[rank] + plan->scratch;
    Input from = *input;
    from.values += rank * alone * input->image;
    run_images(*plan, arenas[rank], scratch, from, alone, logits + rank * alone * classes, classes,
               {0, 1}, rank == 0 ? nanoseconds : nullptr);
    if (together) {
#pragma omp barrier
      from.values = input->values + alone * threads * input->image;
      run_images(*plan, arenas[0], scratch, from, together, logits + alone * threads * classes,
                 classes, {rank, threads}, nanoseconds);
    }
  }
}
}
