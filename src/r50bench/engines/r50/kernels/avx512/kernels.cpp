// ResNet-50 as one prepared run over a plan: convolutions by AVX-512 with bias, residual, ReLU and
// requantisation in registers. Compiled once per numerics (-DR50_FP32, -DR50_BF16 or -DR50_INT8) by
// build.py; plan.py lays out plan and weights, and says what every field means.
#include <omp.h>
#include <sys/mman.h>

#include <chrono>
#include <cstdlib>
#include <new>

#include "convolution.h"

namespace {

// 3×3, stride 2, of values that are not negative: as integers they are in the same order.
void pool(const Run& run, const Step& step, int64_t image) {
  const Range rows = share(step.size_out, run.team.rank, run.team.size);
  constexpr int64_t values = kLine / int64_t(sizeof(Value));
  const Value* in = at(run, step.in) + image * step.in_image;
  Value* out = at(run, step.out) + image * step.out_image;
  for (int64_t y = rows.begin; y < rows.end; y++)
    for (int64_t x = 0; x < step.size_out; x++)
      for (int64_t c = 0; c < step.channels_out; c += values) {
        const Value* corner = in + 2 * y * step.in_row + 2 * x * step.in_pixel + c;
        __m512i most = _mm512_setzero_si512();
        for (int64_t row = 0; row < 3; row++)
          for (int64_t column = 0; column < 3; column++)
            most = largest(most, _mm512_loadu_si512(corner + row * step.in_row +
                                                    column * step.in_pixel));
        _mm512_storeu_si512(out + y * step.out_row + x * step.out_pixel + c, most);
      }
}

// The mean over each picture, in the classifier's own values.
void average(const Run& run, const Step& step, const float* of_step, int64_t image) {
  const Range panels = share(step.channels_out / kPanel, run.team.rank, run.team.size);
  const Value* in = at(run, step.in) + image * step.in_image;
  Value* out = at(run, step.out) + image * step.out_image;
  const __m512 scale = _mm512_set1_ps(of_step[0]), low = _mm512_set1_ps(of_step[1]);
  for (int64_t p = panels.begin; p < panels.end; p++) {
    __m512 sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int64_t pixel = 0; pixel < step.height * step.height; pixel++) {
      __m512 half[2];
      load(in + pixel * step.in_pixel + p * kPanel, half);
      sum[0] = _mm512_add_ps(sum[0], half[0]);
      sum[1] = _mm512_add_ps(sum[1], half[1]);
    }
    store(out + p * kPanel, _mm512_mul_ps(sum[0], scale), _mm512_mul_ps(sum[1], scale), low);
  }
}

// --- the whole run ----------------------------------------------------------------------------------

constexpr int64_t kSide = 224, kBorder = 3, kColours = 3;

inline void put_inputs(const Plan& plan, Value* out, const float* in, int64_t count) {
  const __m512 scale = _mm512_set1_ps(plan.input_scale), zero = _mm512_set1_ps(plan.input_zero);
  const __m512 low = _mm512_set1_ps(-__builtin_inff());
  const __m512i first = _mm512_load_si512(kOrder), second = _mm512_load_si512(kOrder + 16);
  for (int64_t i = 0; i < count; i += kPanel) {
    const __m512 a = _mm512_loadu_ps(in + i), b = _mm512_loadu_ps(in + i + 16);
    store(out + i, _mm512_fmadd_ps(_mm512_permutex2var_ps(a, first, b), scale, zero),
          _mm512_fmadd_ps(_mm512_permutex2var_ps(a, second, b), scale, zero), low);
  }
}

// Copies a picture into its padded place, in the precision's own values.
void take_in(const Run& run, const Input& input, int64_t image) {
  const Plan& plan = *run.plan;
  const Range rows = share(kSide, run.team.rank, run.team.size);
  float line[kSide * kColours];
  for (int64_t y = rows.begin; y < rows.end; y++) {
    const float* in = input.values + image * input.image + y * input.row;
    if (input.channel != 1 || input.column != kColours) {
      for (int64_t x = 0; x < kSide; x++)
        for (int64_t c = 0; c < kColours; c++)
          line[x * kColours + c] = in[x * input.column + c * input.channel];
      in = line;
    }
    Value* out = at(run, plan.input) + (y + kBorder) * plan.input_row + kBorder * kColours;
    put_inputs(plan, out, in, kSide * kColours);
  }
}

void do_step(const Run& run, int64_t number, int64_t image, int64_t images, int64_t* nanoseconds) {
  using Clock = std::chrono::steady_clock;
  const Step& step = run.plan->steps[number];
  const float* of_step = run.plan->of_step + 2 * number;
  const auto began = nanoseconds ? Clock::now() : Clock::time_point();
  if (step.kind == kConvolution) {
    convolve(run, step, of_step, image, images);
  } else if (step.kind == kClassify) {
    classify_all(run, step);
  } else {
    for (int64_t i = image; i < image + images; i++)
      step.kind == kMaxPool ? pool(run, step, i) : average(run, step, of_step, i);
  }
  if (run.team.size > 1) {
#pragma omp barrier
  }
  if (nanoseconds && run.team.rank == 0)
    nanoseconds[number] += std::chrono::nanoseconds(Clock::now() - began).count();
}

void run_group(const Run& run, const Input& input, int64_t first, int64_t* nanoseconds) {
  const Plan& plan = *run.plan;
  int64_t late = 0;
  while (late < plan.count && !plan.steps[late].late) late++;
  for (int64_t image = 0; image < run.images; image++) {
    take_in(run, input, first + image);
    if (run.team.size > 1) {
#pragma omp barrier
    }
    for (int64_t number = 0; number < late; number++) do_step(run, number, image, 1, nanoseconds);
  }
  for (int64_t number = late; number < plan.count; number++)
    do_step(run, number, 0, run.images, nanoseconds);
}

char* huge_pages(int64_t bytes) {
  constexpr int64_t huge = 2 << 20;
  const int64_t whole = (bytes + huge - 1) / huge * huge;
  void* memory = std::aligned_alloc(huge, size_t(whole));
  if (!memory) throw std::bad_alloc();
  madvise(memory, size_t(whole), MADV_HUGEPAGE);
  std::memset(memory, 0, size_t(whole));
  return static_cast<char*>(memory);
}

}  // namespace

extern "C" {

// Returns memory of whole large pages, zeroed, or null; it is never given back.
char* r50_allocate(int64_t bytes) try { return huge_pages(bytes); } catch (...) { return nullptr; }

// Returns one thread's room for activations, or null; paddings are zero from now on.
char* r50_arena(const Plan* plan) {
  char* arena = r50_allocate(plan->arena_bytes);
  constexpr int64_t side = kSide + 2 * kBorder;
  if (arena)  // a picture's zero, which only int8 has elsewhere
    for (int64_t i = 0; i < side * plan->input_row; i++)
      reinterpret_cast<Value*>(arena)[plan->input + i] = static_cast<Value>(plan->input_zero);
  return arena;
}

// Returns the number of the first convolution that no kernel fits, -1 if all are fit.
int64_t r50_misfit(const Plan* plan) {
  for (int64_t number = 0; number < plan->count; number++)
    if (plan->steps[number].kind == kConvolution && !find_kernel(plan->steps[number]))
      return number;
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
    const int64_t rank = omp_get_thread_num();
    int64_t* times = rank == 0 ? nanoseconds : nullptr;
    for (int64_t done = 0; done < alone; done += plan->group) {
      const int64_t first = rank * alone + done;
      const int64_t images = std::min(plan->group, alone - done);
      run_group({plan, arenas[rank], logits + first * classes, images, {0, 1}}, *input, first,
                times);
    }
    if (together) {
#pragma omp barrier
    }
    for (int64_t done = 0; done < together; done += plan->group) {
      const int64_t first = alone * threads + done;
      const int64_t images = std::min(plan->group, together - done);
      run_group({plan, arenas[0], logits + first * classes, images, {rank, threads}}, *input,
                first, nanoseconds);
    }
  }
}
}
