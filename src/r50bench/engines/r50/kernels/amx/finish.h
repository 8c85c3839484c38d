// What follows the sums: bias, residual, ReLU, and the next layer's values.
//
// int8, by output channel with b, m and q of 16 bits and s of the layer, in integers:
//   t = sat16(sat16(sat16(sum >> s) + b) + (residual · q >> 8))
//   out = sat8u((t · m + 2^14) >> 15)
// where `>>` rounds down, sat16 saturates to -32768 … 32767 and sat8u to 0 … 255. amx_weights.py
// makes b, m and q from the layer's scale, bias and residual's scale; b holds what rounding down takes.
//
// bf16: out = bfloat16(max(0, sum + bias + residual)), in float32 until the last; bf32 keeps that
// float32 beside it, and adds residuals that were kept so.
#pragma once
#include "multiply.h"

namespace {

#if defined(R50_INT8)

constexpr int64_t kConstantLines = 2;  // of 32 words each: b, then m, then q

template <int Shift, bool Residual>
struct Finish {
  template <int Rows, int Columns>
  static R50_INLINE void finish(const Panel& panel, const char* sums,
                                                           int64_t tile) {
    const char* constants = panel.constants;
    const Words b[2] = {load_words(constants), load_words(constants + kLine)};
    const Words m[2] = {load_words(constants + 2 * kLine), load_words(constants + 3 * kLine)};
    const Words q[2] = {load_words(constants + 4 * kLine), load_words(constants + 5 * kLine)};
    const int32_t* out_rows = panel.out_rows + tile * kTileRows;
    const int32_t* residual_rows = Residual ? panel.residual_rows + tile * kTileRows : nullptr;
    if constexpr (Columns == 4) {
  R50_UNROLL(16)
      for (int64_t row = 0; row < kTileRows; row++) {
        const char* from = sums + row * kLine;
        Words first = shifted(from, from + kTileBytes);
        Words second = shifted(from + 2 * kTileBytes, from + 3 * kTileBytes);
        first = plus(first, b[0]), second = plus(second, b[1]);
        if constexpr (Residual) {
          const Bytes residual = load_bytes(panel.residual + residual_rows[row]);
          first = plus(first, scaled_half<0>(residual, q[0]));
          second = plus(second, scaled_half<1>(residual, q[1]));
        }
        store_line(panel.out + out_rows[row],
                   packed(times_rounded(first, m[0]), times_rounded(second, m[1])));
      }
    } else {
      static_assert(Columns == 2 && !Residual);
  R50_UNROLL(32)
      for (int64_t row = 0; row < Rows * kTileRows; row += 2) {
        const char* from = sums + row / kTileRows * 2 * kTileBytes + row % kTileRows * kLine;
        const Words first = plus(shifted(from, from + kTileBytes), b[0]);
        const Words second = plus(shifted(from + kLine, from + kTileBytes + kLine), b[1]);
        store_eighths(panel.out + out_rows[row], panel.out + out_rows[row + 1],
                      packed(times_rounded(first, m[0]), times_rounded(second, m[1])));
      }
    }
  }

 private:
  static R50_INLINE Words shifted(const char* a, const char* b) {
    return shifted_words<Shift>(load_integers(a), load_integers(b));
  }
};

#else

template <bool Residual, bool Wide>
struct Finish {
  template <int Rows, int Columns>
  static R50_INLINE void finish(const Panel& panel, const char* sums,
                                                           int64_t tile) {
    const int32_t* out_rows = panel.out_rows + tile * kTileRows;
    const int32_t* residual_rows = Residual ? panel.residual_rows + tile * kTileRows : nullptr;
    constexpr int planes = Columns / 2;
  R50_UNROLL(2)
    for (int64_t plane = 0; plane < planes; plane++) {
      const char* constants = panel.constants + plane * 2 * kLine;
      const Floats bias[2] = {load_floats(constants), load_floats(constants + kLine)};
  R50_UNROLL(32)
      for (int64_t row = 0; row < Rows * kTileRows; row++) {
        const char* from = sums + (row / kTileRows * Columns + 2 * plane) * kTileBytes +
                           row % kTileRows * kLine;
        Floats first = plus(load_floats(from), bias[0]);
        Floats second = plus(load_floats(from + kTileBytes), bias[1]);
        if constexpr (Residual && Wide) {
          const char* residual =
              panel.wide_residual + 2 * (plane * panel.residual_plane + residual_rows[row]);
          first = plus(first, load_floats(residual));
          second = plus(second, load_floats(residual + kLine));
        } else if constexpr (Residual) {
          const char* residual =
              panel.residual + plane * panel.residual_plane + residual_rows[row];
          first = plus(first, floats_of_bfloats(residual));
          second = plus(second, floats_of_bfloats(residual + kLine / 2));
        }
        const int64_t to = plane * panel.out_plane + out_rows[row];
        if constexpr (Wide) {
          first = not_negative(first), second = not_negative(second);
          store_line(panel.wide_out + 2 * to, first);
          store_line(panel.wide_out + 2 * to + kLine, second);
          store_line(panel.out + to, bfloats(first, second));
        } else {
          store_line(panel.out + to, largest(bfloats(first, second), no_words()));
        }
      }
    }
  }
};

#endif

// The classifier's: sum · scale + bias, as float32.
struct FinishLogits {
  template <int Rows, int Columns>
  static R50_INLINE void finish(const Panel& panel, const char* sums,
                                                           int64_t tile) {
    static_assert(Rows == 1);
    const int64_t first = tile * kTileRows;
    for (int64_t column = 0; column < Columns; column++) {
      const char* constants = panel.constants + column * kLine;
      const Floats scale = load_floats(constants), bias = load_floats(constants + Columns * kLine);
      const int64_t classes = std::min<int64_t>(16, panel.classes - 16 * column);
      for (int64_t row = 0; row < kTileRows && first + row < panel.images && classes > 0; row++) {
        const char* from = sums + column * kTileBytes + row * kLine;
#if defined(R50_INT8)
        const Floats sum = floats_of(load_integers(from));
#else
        const Floats sum = load_floats(from);
#endif
        store_floats(panel.logits + (first + row) * panel.row_classes + 16 * column,
                     times_plus(sum, scale, bias), int(classes));
      }
    }
  }
};

}  // namespace
