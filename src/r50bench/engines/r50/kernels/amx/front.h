// From the picture to the first stage: values, the 7×7 convolution of stride 2, and max pooling, a
// few rows at a time, so that all between stays in the caches next to the core.
//
// Squares of 2 × 2 pixels become one of 12 channels ("folded"), the convolution one of 4 × 4 and
// stride 1; the four squares of a kernel row lie side by side and are one run of 48 values.
#pragma once
#include "convolution.h"

namespace {

constexpr int64_t kSide = 224, kBorder = 3, kColours = 3;
constexpr int64_t kStemSide = kSide / 2, kPooledSide = kStemSide / 2;
constexpr int64_t kFoldedSide = (kSide + 2 * kBorder) / 2, kFoldedValues = 12;
constexpr int64_t kFoldedRow =  // bytes; behind the last square a tile reads on
    (kFoldedSide * kFoldedValues * int64_t(sizeof(Value)) + 2 * kLine) / kLine * kLine;
constexpr int64_t kKernelRows = 4;
constexpr int64_t kFoldedRows = 16;  // in the window
constexpr int64_t kStemPlanes = 64 / kLineValues;
constexpr int64_t kPairLines = 2 * kStemSide;     // two rows of the stem's output
constexpr int64_t kStemPlane = 2 * kPairLines;    // lines: this pair and the one before
constexpr int64_t kPairTiles = kPairLines / kTileRows;
constexpr int64_t kFoldedBytes = kFoldedRows * kFoldedRow;

static_assert(kFoldedBytes + kStemPlanes * kStemPlane * kLine <= 1 << 18, "amx_plan.py's scratch");

// Rows of folded input, of which the last few are at hand.
class Window {
 public:
  Window(const Run& run, const float* picture, char* rows)
      : run_(run), picture_(picture), rows_(rows) {}

  // Returns where `count` rows from `first` on lie; the first of them must not go back.
  const char* need(int64_t first, int64_t count) {
    if (end_ < first) begin_ = end_ = first;
    if (first + count > begin_ + kFoldedRows) {
      std::memmove(rows_, rows_ + (first - begin_) * kFoldedRow,
                   size_t((end_ - first) * kFoldedRow));
      begin_ = first;
    }
    for (; end_ < first + count; end_++) fold(end_, rows_ + (end_ - begin_) * kFoldedRow);
    return rows_ + (first - begin_) * kFoldedRow;
  }

 private:
  static constexpr int64_t kRowValues = (kSide + 2 * kBorder) * kColours;

  void fold(int64_t row, char* out) const {
    constexpr int64_t half = kFoldedValues / 2, bytes = half * int64_t(sizeof(Value));
    constexpr int64_t copied = 8 * int64_t(sizeof(Value));  // a move; what is too much is mended next
    Value lines[2][kRowValues + 8];
    for (int64_t i = 0; i < 2; i++) take_in(2 * row + i - kBorder, lines[i]);
    const char *upper = reinterpret_cast<const char*>(lines[0]),
               *lower = reinterpret_cast<const char*>(lines[1]);
    for (int64_t at = 0; at < kFoldedSide * bytes; at += bytes) {
      std::memcpy(out + 2 * at, upper + at, copied);
      std::memcpy(out + 2 * at + bytes, lower + at, copied);
    }
    // What a tile reads behind the last square is multiplied by 0, and must not be NaN.
    std::memset(out + 2 * kFoldedSide * bytes, 0, size_t(kFoldedRow - 2 * kFoldedSide * bytes));
  }

  // Makes a row of the picture, or of its border, the kernels' values.
  void take_in(int64_t row, Value* out) const {
    const Plan& plan = *run_.plan;
    const Input& input = run_.input;
    const Value zero = Value(plan.input_zero);
    std::fill(out, out + kBorder * kColours, zero);
    std::fill(out + kRowValues - kBorder * kColours, out + kRowValues, zero);
    std::fill(out + kRowValues, out + kRowValues + 8, Value(0));
    out += kBorder * kColours;
    if (row < 0 || row >= kSide) return std::fill(out, out + kSide * kColours, zero), void();
    const float* in = picture_ + row * input.row;
    float line[kSide * kColours];
    if (input.channel != 1 || input.column != kColours) {
      for (int64_t x = 0; x < kSide; x++)
        for (int64_t c = 0; c < kColours; c++)
          line[x * kColours + c] = in[x * input.column + c * input.channel];
      in = line;
    }
    for (int64_t i = 0; i < kSide * kColours; i += 16) {
#if defined(R50_INT8)
      store_bytes(out + i, times_plus(load_floats(in + i), all_floats(plan.input_scale),
                                      all_floats(plan.input_zero)));
#else
      store_bfloats(out + i, load_floats(in + i));
#endif
    }
  }

  const Run& run_;
  const float* picture_;
  char* rows_;
  int64_t begin_ = 0, end_ = 0;
};

#if defined(R50_INT8)
using Pooled = Bytes;
inline Pooled load_pooled(const char* at) { return load_bytes(at); }
#else
using Pooled = Words;  // of values that are not negative, which as integers are in the same order
inline Pooled load_pooled(const char* at) { return load_words(at); }
#endif

// One row of the pooled output out of up to three of the stem's: rows 2·y - 1, 2·y and 2·y + 1.
inline void pool_row(const Step& step, const char* stem, int64_t y, const int32_t* out_rows,
                     char* out) {
  for (int64_t plane = 0; plane < kStemPlanes; plane++) {
    const char* from = stem + plane * kStemPlane * kLine;
    const char* pair = from + y % 2 * kPairLines * kLine;
    const char* above = from + ((y + 1) % 2 * kPairLines + kStemSide) * kLine;
    const auto column = [&](int64_t x) {
      const char* at = pair + x * kLine;
      const Pooled most = largest(load_pooled(at), load_pooled(at + kStemSide * kLine));
      return y ? largest(most, load_pooled(above + x * kLine)) : most;
    };
    Pooled left = column(0);
    for (int64_t x = 0; x < kPooledSide; x++) {
      const Pooled middle = x ? column(2 * x) : left, right = column(2 * x + 1);
      store_line(out + plane * step.out_plane + out_rows[x],
                 largest(largest(left, middle), right));
      left = right;
    }
  }
}

// Image `index` of its group.
inline void enter(const Run& run, const Step& step, const float* picture, int64_t index) {
  const Range rows = share(kPooledSide, run.team.rank, run.team.size);
  if (rows.begin == rows.end) return;
  char* folded = run.scratch + 2 * kSums * kTileBytes;
  char* stem = folded + kFoldedBytes;
  Window window(run, picture, folded);
  Panel panel = panel_of(run, step, 0);
  const Kernel kernel = find_kernel(step);
  panel.out_plane = kStemPlane * kLine;
  panel.constants = run.plan->constants + step.constants;
  panel.weights = panel.next = run.plan->weights + step.weights;
  const int32_t* pooled_rows = run.plan->tables + step.residual_rows;
  for (int64_t y = std::max<int64_t>(rows.begin - 1, 0); y < rows.end; y++) {
    panel.sources[0].base = window.need(2 * y, 2 + kKernelRows - 1);
    panel.out = stem + y % 2 * kPairLines * kLine;
    kernel(panel, 0, kPairTiles);
    if (y >= rows.begin)
      pool_row(step, stem, y, pooled_rows + y * kPooledSide,
               run.arena + step.out + index * step.out_group);
  }
}

}  // namespace
