// ResNet-50 as one prepared run over a plan: convolutions by AVX-512 with bias, residual, ReLU and
// requantisation in registers. Compiled once per numerics (-DR50_FP32, -DR50_BF16 or -DR50_INT8) by
// native_build.py; native_plan.py lays out plan and weights, and says what every field means.
//
// Activations are NHWC. Weights lie in panels of 32 output channels; within one, for each kernel
// element and each group of input channels, 32 × group values follow one another: the order in
// which the innermost loop reads them. That loop holds 14 pixels × 32 channels in 28 registers, which
// leaves two for weights and one for a broadcast pixel.
#include <omp.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "native_tile.h"

namespace {

// --- the plan: mirrored by native_plan.py, all sizes in elements -------------------------------

enum Kind : int64_t { kConvolution, kMaxPool, kAverage, kClassify };

struct Step {
  int64_t kind, late;            // late: runs over all images of a group at once
  int64_t in, out, residual;     // offsets into the arena; residual -1: none
  int64_t in_image, out_image, residual_image;  // from one image to the next, 0: one image only
  int64_t in_pixel, in_row, out_pixel, out_row, residual_pixel, residual_row;
  int64_t kernel_rows, kernel_columns, groups;  // groups of input channels per kernel element
  int64_t stride, padding, height;              // of the input, without padding
  int64_t size_out, channels_out;
  int64_t weights, floats;       // bytes into the weights; floats into scales and biases
};

struct Plan {
  const Step* steps;
  int64_t count;
  const char* weights;
  const float* scales;  // by output channel: what one unit of the accumulator is worth
  const float* biases;
  const float* of_step;  // per step: residual's scale, lower bound
  int64_t arena_bytes, group, input, input_row;
  float input_scale, input_zero;
};

constexpr int64_t kBlock = 8;  // tiles whose pixels stay in L2 while all panels pass

constexpr int64_t pixel_of(int64_t channels) {
  // A multiple of 1 KiB would put the 14 pixels of a tile into a few sets of L1.
  return channels * int64_t(sizeof(Value)) % 1024 ? channels
                                                  : channels + kLine / int64_t(sizeof(Value));
}

// --- which kernels there are --------------------------------------------------------------------

struct Kernel {
  int64_t pixel, seventh;
  void (*fourteen)(const Tile&);
  void (*seven)(const Tile&);
};

template <int64_t Pixel, int64_t Seventh>
constexpr Kernel kernel() {
  return {Pixel, Seventh, multiply<14, Pixel, Seventh>, multiply<7, Pixel, Seventh>};
}

// Strides 1 and 2 over rows of 14 and more; two rows of 7, out of rows padded to 9 and 16 or of 14.
constexpr int64_t kStem = 6;
const Kernel kKernels[] = {
    kernel<kStem, 7 * kStem>(),
    kernel<pixel_of(64), 7 * pixel_of(64)>(),
    kernel<pixel_of(128), 7 * pixel_of(128)>(),
    kernel<pixel_of(256), 7 * pixel_of(256)>(),
    kernel<pixel_of(512), 7 * pixel_of(512)>(),
    kernel<pixel_of(1024), 7 * pixel_of(1024)>(),
    kernel<pixel_of(2048), 7 * pixel_of(2048)>(),
    kernel<2 * pixel_of(64), 14 * pixel_of(64)>(),
    kernel<2 * pixel_of(128), 14 * pixel_of(128)>(),
    kernel<2 * pixel_of(256), 14 * pixel_of(256)>(),
    kernel<2 * pixel_of(512), 14 * pixel_of(512)>(),
    kernel<pixel_of(512), 9 * pixel_of(512)>(),
    kernel<2 * pixel_of(256), 32 * pixel_of(256)>(),
    kernel<2 * pixel_of(512), 32 * pixel_of(512)>(),
    kernel<2 * pixel_of(1024), 28 * pixel_of(1024)>(),
};

template <int Pixels>
constexpr auto classify = multiply<Pixels, pixel_of(2048), 7 * pixel_of(2048), true>;
void (*const kClassifiers[])(const Tile&) = {classify<1>, classify<2>, classify<3>, classify<4>,
                                             classify<5>, classify<6>, classify<7>};

const Kernel* find_kernel(const Step& step) {
  const int64_t pixel = step.stride * step.in_pixel;
  const int64_t seventh = step.size_out == 7 ? step.stride * step.in_row : 7 * pixel;
  for (const Kernel& kernel : kKernels)
    if (kernel.pixel == pixel && kernel.seventh == seventh) return &kernel;
  return nullptr;
}

// --- one step over some images, shared by a team ------------------------------------------------

struct Team {
  int64_t rank, size;
};

struct Range {
  int64_t begin, end;
};

Range share(int64_t count, int64_t rank, int64_t size) {
  return {count * rank / size, count * (rank + 1) / size};
}

// Large pictures are shared by pixels, so that each core keeps its own; small ones, whose weights
// are large, by output channels; the other way round where that leaves cores without work.
void divide(Team team, int64_t tiles, int64_t panels, Range& mine, Range& my_panels) {
  int64_t best = INT64_MAX, across = 1;
  for (int64_t by_pixels = 1; by_pixels <= team.size; by_pixels++) {
    if (team.size % by_pixels) continue;
    const int64_t by_panels = team.size / by_pixels;
    const int64_t longest = ((tiles + by_pixels - 1) / by_pixels) *
                            ((panels + by_panels - 1) / by_panels);
    const bool preferred = longest == best && tiles >= 56;
    if (longest < best || preferred) best = longest, across = by_pixels;
  }
  mine = share(tiles, team.rank % across, across);
  my_panels = share(panels, team.rank / across, team.size / across);
}

struct Run {
  const Plan* plan;
  char* arena;
  float* logits;
  int64_t images;  // of this group
  Team team;
};

Value* at(const Run& run, int64_t offset) { return reinterpret_cast<Value*>(run.arena) + offset; }

// Sets what depends on the pixel: first row and column of the tile's output.
void aim(Tile& tile, const Run& run, const Step& step, int64_t image, int64_t y, int64_t x,
         bool one_row) {
  int64_t first = 0, last = step.kernel_rows;
  if (one_row && step.padding) {  // kernel rows that lie on the padding add nothing
    const int64_t top = y * step.stride - step.padding;
    first = std::max<int64_t>(0, -top);
    last = std::min(last, step.height - top);
  }
  const int64_t per_row = step.kernel_columns * step.groups * kPanel * kGroup;
  tile.in = at(run, step.in) + image * step.in_image + (y * step.stride + first) * step.in_row +
            x * step.stride * step.in_pixel;
  tile.weights += first * per_row;
  tile.kernel_rows = last - first;
  tile.out = at(run, step.out) + image * step.out_image + y * step.out_row + x * step.out_pixel;
  if (step.residual >= 0)
    tile.residual = at(run, step.residual) + image * step.residual_image + y * step.residual_row +
                    x * step.residual_pixel;
}

void convolve(const Run& run, const Step& step, const float* of_step, int64_t image,
              int64_t images) {
  const Kernel* kernel = find_kernel(step);
  const bool seven = step.size_out == 7;
  const int64_t wide = seven ? 1 : step.size_out / 14, high = seven ? 4 : step.size_out;
  const int64_t per_image = wide * high, panels = step.channels_out / kPanel;
  const int64_t panel = step.kernel_rows * step.kernel_columns * step.groups * kPanel * kGroup;
  Range tiles, mine;
  divide(run.team, images * per_image, panels, tiles, mine);
  Tile tile{};
  tile.kernel_columns = step.kernel_columns, tile.groups = step.groups;
  tile.in_row = step.in_row, tile.in_pixel = step.in_pixel;
  tile.out_pixel = step.out_pixel, tile.residual_pixel = step.residual_pixel;
  tile.out_seventh = seven ? step.out_row : 7 * step.out_pixel;
  tile.residual_seventh = seven ? step.residual_row : 7 * step.residual_pixel;
  tile.residual_scale = of_step[0], tile.low = of_step[1];
  const Weight* weights = reinterpret_cast<const Weight*>(run.plan->weights + step.weights);
  for (int64_t block = tiles.begin; block < tiles.end; block += kBlock) {
    const int64_t end = std::min(block + kBlock, tiles.end), count = end - block;
    tile.ahead = std::min<int64_t>(kLine, (2 * kLine + count - 1) / count);
    for (int64_t p = mine.begin; p < mine.end; p++)
      for (int64_t number = block; number < end; number++) {
        const int64_t within = number % per_image;
        const int64_t y = seven ? 2 * within : within / wide, x = seven ? 0 : 14 * (within % wide);
        tile.weights = weights + p * panel;
        tile.next = reinterpret_cast<const char*>(tile.weights + panel) +
                    (number - block) * (panel / (kPanel * kGroup)) * tile.ahead;
        tile.scale = run.plan->scales + step.floats + p * kPanel;
        tile.bias = run.plan->biases + step.floats + p * kPanel;
        const bool last_of_seven = seven && y == 6;
        aim(tile, run, step, image + number / per_image, y, x, !seven || last_of_seven);
        tile.out += p * kPanel;
        if (tile.residual) tile.residual += p * kPanel;
        (last_of_seven ? kernel->seven : kernel->fourteen)(tile);
      }
  }
}

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

void classify_all(const Run& run, const Step& step) {
  const Range panels = share(step.channels_out / kPanel, run.team.rank, run.team.size);
  const int64_t panel = step.groups * kPanel * kGroup;
  Tile tile{};
  tile.kernel_rows = tile.kernel_columns = 1, tile.groups = step.groups;
  for (int64_t p = panels.begin; p < panels.end; p++)
    for (int64_t image = 0; image < run.images; image += 7) {
      const int64_t count = std::min<int64_t>(7, run.images - image);
      float logits[7][kPanel];
      tile.weights = reinterpret_cast<const Weight*>(run.plan->weights + step.weights) + p * panel;
      tile.next = reinterpret_cast<const char*>(tile.weights + panel), tile.ahead = 2 * kLine;
      tile.scale = run.plan->scales + step.floats + p * kPanel;
      tile.bias = run.plan->biases + step.floats + p * kPanel;
      tile.in = at(run, step.in) + image * step.in_image;
      tile.out = reinterpret_cast<Value*>(logits), tile.out_pixel = kPanel;
      kClassifiers[count - 1](tile);
      const int64_t classes = std::min<int64_t>(kPanel, step.size_out - p * kPanel);
      for (int64_t i = 0; i < count; i++)
        std::memcpy(run.logits + (image + i) * step.size_out + p * kPanel, logits[i],
                    size_t(classes) * sizeof(float));
    }
}

// --- the whole run ----------------------------------------------------------------------------------

struct Input {
  const float* values;
  int64_t image, channel, row, column;  // strides in floats
};

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
