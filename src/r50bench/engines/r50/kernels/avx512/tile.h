// The innermost loop: 14 pixels by 32 output channels, all their sums in registers. It holds them in
// 28 of them, which leaves two for weights and one for a broadcast pixel.
#pragma once
#include <cstring>

#include "numerics.h"

namespace {

constexpr int64_t kLine = 64;

// Where a tile lies: what of it is the same for all panels.
struct Tile {
  const Value* in;
  Value* out;
  const Value* residual;
  int64_t skipped, kernel_rows;  // weights before those that are used, and kernel rows that are
};

// What the tiles of one panel have in common.
struct Panel {
  const Weight* weights;
  const char* next;  // weights to fetch meanwhile, `ahead` bytes per step
  int64_t ahead;
  int64_t kernel_columns, groups, in_row, in_pixel;
  int64_t channel;  // the first of its output
  int64_t out_pixel, out_seventh, residual_pixel, residual_seventh;
  const float *scale, *bias;
  float residual_scale, low;
};

inline __m512i broadcast(const Value* at) {
  int32_t bits;
  std::memcpy(&bits, at, sizeof bits);
  return _mm512_set1_epi32(bits);
}

// Values are stored as the next layer reads them; the classifier's as float.
template <int Pixels, bool Logits>
inline __attribute__((always_inline)) void finish(const Panel& panel, Value* out,
                                                  const Value* of_residual,
                                                  Sum (&sum)[Pixels][2]) {
  const __m512 low = _mm512_set1_ps(panel.low), worth = _mm512_set1_ps(panel.residual_scale);
  const __m512 scale[2] = {_mm512_loadu_ps(panel.scale), _mm512_loadu_ps(panel.scale + 16)};
  const __m512 bias[2] = {_mm512_loadu_ps(panel.bias), _mm512_loadu_ps(panel.bias + 16)};
  if constexpr (Logits) {
    float* logits = reinterpret_cast<float*>(out);
#pragma GCC unroll 16
    for (int p = 0; p < Pixels; p++)
      for (int half = 0; half < 2; half++)
        _mm512_storeu_ps(logits + p * panel.out_pixel + 16 * half,
                         scaled(sum[p][half], scale[half], bias[half]));
  } else if (of_residual) {
#pragma GCC unroll 16
    for (int p = 0; p < Pixels; p++) {
      __m512 residual[2];
      load(of_residual + (p / 7) * panel.residual_seventh + (p % 7) * panel.residual_pixel,
           residual);
      store(out + (p / 7) * panel.out_seventh + (p % 7) * panel.out_pixel,
            plus(scaled(sum[p][0], scale[0], bias[0]), residual[0], worth),
            plus(scaled(sum[p][1], scale[1], bias[1]), residual[1], worth), low);
    }
  } else {
#pragma GCC unroll 16
    for (int p = 0; p < Pixels; p++)
      store(out + (p / 7) * panel.out_seventh + (p % 7) * panel.out_pixel,
            scaled(sum[p][0], scale[0], bias[0]), scaled(sum[p][1], scale[1], bias[1]), low);
  }
}

// What the end of the tile reads and writes is fetched while its sums are computed.
template <int Pixels>
inline __attribute__((always_inline)) void fetch(const Panel& panel, const Value* out,
                                                 const Value* residual) {
  constexpr int64_t bytes = kPanel * int64_t(sizeof(Value));
#pragma GCC unroll 16
  for (int p = 0; p < Pixels; p++)
#pragma GCC unroll 2
    for (int64_t at = 0; at < bytes; at += kLine) {
      const int64_t value = at / int64_t(sizeof(Value));
      if (residual && residual != out)
        __builtin_prefetch(residual + (p / 7) * panel.residual_seventh +
                           (p % 7) * panel.residual_pixel + value);
      __builtin_prefetch(out + (p / 7) * panel.out_seventh + (p % 7) * panel.out_pixel + value, 1);
    }
}

// Pixels p of a tile lie at (p / 7) · Seventh + (p % 7) · Pixel: two rows of 7, or one of 14.
template <int Pixels, int64_t Pixel, int64_t Seventh, bool Logits = false>
__attribute__((noinline)) void multiply(const Panel& panel, const Tile* tiles, int64_t count) {
  const char* next = panel.next;
  const int64_t ahead = panel.ahead;
  for (const Tile* tile = tiles; tile < tiles + count; tile++) {
    Sum sum[Pixels][2];
#pragma GCC unroll 16
    for (int p = 0; p < Pixels; p++) {
      sum[p][0] = start(_mm512_loadu_ps(panel.bias));
      sum[p][1] = start(_mm512_loadu_ps(panel.bias + 16));
    }
    Value* out = tile->out + panel.channel;
    const Value* residual = tile->residual ? tile->residual + panel.channel : nullptr;
    if constexpr (!Logits) fetch<Pixels>(panel, out, residual);
    const Weight* weights = panel.weights + tile->skipped;
    for (int64_t row = 0; row < tile->kernel_rows; row++)
      for (int64_t column = 0; column < panel.kernel_columns; column++) {
        const Value* in = tile->in + row * panel.in_row + column * panel.in_pixel;
        for (int64_t group = 0; group < panel.groups; group++) {
          const __m512i first = _mm512_loadu_si512(weights);
          const __m512i second = _mm512_loadu_si512(weights + 16 * kGroup);
#pragma GCC unroll 16
          for (int p = 0; p < Pixels; p++) {
            const __m512i pixel = broadcast(in + (p / 7) * Seventh + (p % 7) * Pixel);
            sum[p][0] = dot(sum[p][0], pixel, first);
            sum[p][1] = dot(sum[p][1], pixel, second);
          }
          _mm_prefetch(next, _MM_HINT_T1);
          next += ahead;
          in += kGroup;
          weights += kPanel * kGroup;
        }
      }
    finish<Pixels, Logits>(panel, out, residual, sum);
  }
}

}  // namespace
