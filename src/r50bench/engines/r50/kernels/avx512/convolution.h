// One convolution over some images, shared by a team; the classifier is one over one pixel.
//
// Activations are NHWC. Weights lie in panels of 32 output channels; within one, for each kernel
// element and each group of input channels, 32 × group values follow one another: the order in
// which the innermost loop reads them.
#pragma once
#include "plan.h"
#include "tile.h"

namespace {

constexpr int64_t kBlock = 8;  // tiles whose pixels stay in L2 while all panels pass

constexpr int64_t pixel_of(int64_t channels) {
  // A multiple of 1 KiB would put the 14 pixels of a tile into a few sets of L1.
  return channels * int64_t(sizeof(Value)) % 1024 ? channels
                                                  : channels + kLine / int64_t(sizeof(Value));
}

struct Kernel {
  int64_t pixel, seventh;
  void (*fourteen)(const Panel&, const Tile*, int64_t);
  void (*seven)(const Panel&, const Tile*, int64_t);
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
void (*const kClassifiers[])(const Panel&, const Tile*, int64_t) = {
    classify<1>, classify<2>, classify<3>, classify<4>, classify<5>, classify<6>, classify<7>};

inline bool two_rows(const Step& step) { return step.size_out == 7; }

inline const Kernel* find_kernel(const Step& step) {
  const int64_t pixel = step.stride * step.in_pixel;
  const int64_t seventh = two_rows(step) ? step.stride * step.in_row : 7 * pixel;
  for (const Kernel& kernel : kKernels)
    if (kernel.pixel == pixel && kernel.seventh == seventh) return &kernel;
  return nullptr;
}

constexpr int64_t kLargePicture = 56;  // tiles; see divide

inline int64_t tiles_of(const Step& step) {
  return two_rows(step) ? 4 : step.size_out / 14 * step.size_out;
}

struct Placed {
  Tile tile;
  bool half;  // the last row of 7, by itself
};

// Returns tile `number` of those of all images.
inline Placed place(const Run& run, const Step& step, int64_t first_image, int64_t number) {
  const bool pair = two_rows(step);
  const int64_t wide = pair ? 1 : step.size_out / 14;
  const int64_t image = first_image + number / tiles_of(step), within = number % tiles_of(step);
  const int64_t y = pair ? 2 * within : within / wide, x = pair ? 0 : 14 * (within % wide);
  const bool half = pair && y == 6;
  int64_t first = 0, last = step.kernel_rows;
  if ((half || !pair) && step.padding) {  // kernel rows that lie on the padding add nothing
    const int64_t top = y * step.stride - step.padding;
    first = std::max<int64_t>(0, -top);
    last = std::min(last, step.height - top);
  }
  Tile tile;
  tile.in = at(run, step.in) + image * step.in_image + (y * step.stride + first) * step.in_row +
            x * step.stride * step.in_pixel;
  tile.out = at(run, step.out) + image * step.out_image + y * step.out_row + x * step.out_pixel;
  tile.residual = step.residual < 0
                      ? nullptr
                      : at(run, step.residual) + image * step.residual_image +
                            y * step.residual_row + x * step.residual_pixel;
  tile.skipped = first * step.kernel_columns * step.groups * kPanel * kGroup;
  tile.kernel_rows = last - first;
  return {tile, half};
}

// The tiles of a block, by the kernel they take.
struct Block {
  Tile fourteens[kBlock], sevens[kBlock];
  int64_t whole = 0, half = 0;
};

inline Block block_of(const Run& run, const Step& step, int64_t image, Range tiles) {
  Block block;
  for (int64_t number = tiles.begin; number < tiles.end; number++) {
    const Placed placed = place(run, step, image, number);
    (placed.half ? block.sevens[block.half++] : block.fourteens[block.whole++]) = placed.tile;
  }
  return block;
}

inline Panel panel_of(const Step& step, const float* of_step) {
  Panel panel{};
  panel.kernel_columns = step.kernel_columns, panel.groups = step.groups;
  panel.in_row = step.in_row, panel.in_pixel = step.in_pixel;
  panel.out_pixel = step.out_pixel, panel.residual_pixel = step.residual_pixel;
  panel.out_seventh = two_rows(step) ? step.out_row : 7 * step.out_pixel;
  panel.residual_seventh = two_rows(step) ? step.residual_row : 7 * step.residual_pixel;
  panel.residual_scale = of_step[0], panel.low = of_step[1];
  return panel;
}

// Lets `panel` be number `number`, of `groups` groups of input channels over all kernel elements.
inline void choose(Panel& panel, const Plan& plan, const Step& step, int64_t number,
                   int64_t groups) {
  const Weight* weights = reinterpret_cast<const Weight*>(plan.weights + step.weights);
  panel.weights = weights + number * groups * kPanel * kGroup;
  panel.next = reinterpret_cast<const char*>(panel.weights + groups * kPanel * kGroup);
  panel.channel = number * kPanel;
  panel.scale = plan.scales + step.floats + panel.channel;
  panel.bias = plan.biases + step.floats + panel.channel;
}

inline void convolve(const Run& run, const Step& step, const float* of_step, int64_t image,
                     int64_t images) {
  const Kernel* kernel = find_kernel(step);
  const int64_t groups = step.kernel_rows * step.kernel_columns * step.groups;
  Range tiles, panels;
  divide(run.team, images * tiles_of(step), step.channels_out / kPanel, kLargePicture, tiles,
         panels);
  Panel panel = panel_of(step, of_step);
  for (int64_t begin = tiles.begin; begin < tiles.end; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, tiles.end), count = end - begin;
    const Block block = block_of(run, step, image, {begin, end});
    panel.ahead = std::min<int64_t>(kLine, (2 * kLine + count - 1) / count);
    for (int64_t number = panels.begin; number < panels.end; number++) {
      choose(panel, *run.plan, step, number, groups);
      kernel->fourteen(panel, block.fourteens, block.whole);
      panel.next += block.whole * groups * panel.ahead;
      kernel->seven(panel, block.sevens, block.half);
    }
  }
}

inline void classify_all(const Run& run, const Step& step) {
  const Range panels = share(step.channels_out / kPanel, run.team.rank, run.team.size);
  Panel panel{};
  panel.kernel_columns = 1, panel.groups = step.groups, panel.out_pixel = kPanel;
  panel.ahead = 2 * kLine;
  for (int64_t number = panels.begin; number < panels.end; number++)
    for (int64_t image = 0; image < run.images; image += 7) {
      const int64_t count = std::min<int64_t>(7, run.images - image);
      const int64_t classes = std::min<int64_t>(kPanel, step.size_out - number * kPanel);
      float logits[7][kPanel];
      choose(panel, *run.plan, step, number, step.groups);
      panel.channel = 0;  // of `logits`
      const Tile tile = {at(run, step.in) + image * step.in_image,
                         reinterpret_cast<Value*>(logits), nullptr, 0, 1};
      kClassifiers[count - 1](panel, &tile, 1);
      for (int64_t i = 0; i < count; i++)
        std::memcpy(run.logits + (image + i) * step.size_out + number * kPanel, logits[i],
                    size_t(classes) * sizeof(float));
    }
}

}  // namespace
