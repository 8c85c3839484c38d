// From the picture to the first stage: values, the 7×7 convolution of stride 2, and max pooling, a
// few rows at a time, so that all between stays in the caches next to the core.
//
// What an output position reads of a row of the picture, 7 pixels of 3 colours, is copied into a
// line of its own, so that tiles load whole lines; in int8 two rows share one.
#pragma once
#include "convolution.h"

namespace {

constexpr int64_t kSide = 224, kBorder = 3, kColours = 3;
constexpr int64_t kStemSide = kSide / 2, kPooledSide = kStemSide / 2;
constexpr int64_t kRowsOfLine = sizeof(Value) == 1 ? 2 : 1;
constexpr int64_t kLinesRows = (7 + kRowsOfLine - 1) / kRowsOfLine;  // of the kernel
constexpr int64_t kLinesStride = 2 / kRowsOfLine;                    // of an output row
constexpr int64_t kLinesRow = kStemSide * kLine;                     // bytes
constexpr int64_t kWindowRows = 16;
constexpr int64_t kStemPlanes = 64 / kLineValues;
constexpr int64_t kPairLines = 2 * kStemSide;   // two rows of the stem's output
constexpr int64_t kStemPlane = 2 * kPairLines;  // lines: this pair and the one before
constexpr int64_t kPairTiles = kPairLines / kTileRows;
constexpr int64_t kWindowBytes = kWindowRows * kLinesRow;

static_assert(kWindowBytes + kStemPlanes * kStemPlane * kLine <= 1 << 18, "amx_plan.py's scratch");

// Rows of lines, one line an output position, of which the last few are at hand.
class Window {
 public:
  Window(const Run& run, const float* picture, char* rows)
      : run_(run), picture_(picture), rows_(rows) {}

  // Returns where `count` rows from `first` on lie; the first of them must not go back.
  const char* need(int64_t first, int64_t count) {
    if (end_ < first) begin_ = end_ = first;
    if (first + count > begin_ + kWindowRows) {
      std::memmove(rows_, rows_ + (first - begin_) * kLinesRow,
                   size_t((end_ - first) * kLinesRow));
      begin_ = first;
    }
    for (; end_ < first + count; end_++) spread(end_, rows_ + (end_ - begin_) * kLinesRow);
    return rows_ + (first - begin_) * kLinesRow;
  }

 private:
  static constexpr int64_t kPart = kLine / kRowsOfLine;  // bytes
  static constexpr int64_t kRowValues = kSide * kColours, kStep = 2 * kColours;
  static constexpr int kRun = 7;  // lines that begin in 64 values, with all that they hold
  static constexpr int64_t kAhead = 8;
  static_assert(kStemSide % kRun == 0 && (kRun - 1) * kStep + 7 * kColours <= 64);

  void spread(int64_t row, char* out) const {
    for (int64_t part = 0; part < kRowsOfLine; part++)
      spread_part(row * kRowsOfLine + part - kBorder, out + part * kPart);
  }

  // Puts what each output position reads of a row of the picture, or of its border, into its line.
  void spread_part(int64_t row, char* out) const {
    const Input& input = run_.input;
    const bool inside = 0 <= row && row < kSide;
    const float* in = inside ? picture_ + row * input.row : picture_;
    float line[kRowValues];
    if (inside && (input.channel != 1 || input.column != kColours)) {
      for (int64_t x = 0; x < kSide; x++)
        for (int64_t c = 0; c < kColours; c++)
          line[x * kColours + c] = in[x * input.column + c * input.channel];
      in = line;
    } else {
      for (int64_t i = 0; i < kRowValues; i += kLine / int64_t(sizeof(float)))
        prefetch(in + kAhead * input.row + i);
    }
    for (int64_t run = 0; run < kStemSide / kRun; run++) {
      const int64_t at = run * kRun * kStep - kBorder * kColours;
      Floats values[4];
      for (int64_t i = 0; i < 4; i++)
        values[i] = floats_within(in, at + 16 * i, inside ? kRowValues : 0);
      spread_run(values, out + run * kRun * kLine);
    }
  }

#if defined(R50_INT8)
  void spread_run(const Floats (&values)[4], char* out) const {
    const Floats scale = all_floats(run_.plan->input_scale);
    const Floats zero = all_floats(run_.plan->input_zero);
    const Bytes bytes = bytes_of(times_plus(values[0], scale, zero),
                                 times_plus(values[1], scale, zero),
                                 times_plus(values[2], scale, zero),
                                 times_plus(values[3], scale, zero));
    repeat<kRun>([&](auto i) __attribute__((always_inline)) {
      store_half(out + i * kLine, rotated<i * int(kStep) / 2>(bytes));
    });
  }
#else
  void spread_run(const Floats (&values)[4], char* out) const {
    const Words low = bfloats(values[0], values[1]), high = bfloats(values[2], values[3]);
    repeat<kRun>([&](auto i) __attribute__((always_inline)) {
      store_line(out + i * kLine, from_pair<i * int(kStep)>(low, high));
    });
  }
#endif

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
  char* lines = run.scratch + 2 * kSums * kTileBytes;
  char* stem = lines + kWindowBytes;
  Window window(run, picture, lines);
  Panel panel = panel_of(run, step, 0);
  const Kernel kernel = find_kernel(step);
  panel.out_plane = kStemPlane * kLine;
  panel.constants = run.plan->constants + step.constants;
  panel.weights = panel.next = run.plan->weights + step.weights;
  const int32_t* pooled_rows = run.plan->tables + step.residual_rows;
  for (int64_t y = std::max<int64_t>(rows.begin - 1, 0); y < rows.end; y++) {
    panel.sources[0].base = window.need(2 * y * kLinesStride, kLinesStride + kLinesRows);
    panel.out = stem + y % 2 * kPairLines * kLine;
    kernel(panel, 0, kPairTiles);
    if (y >= rows.begin)
      pool_row(step, stem, y, pooled_rows + y * kPooledSide,
               run.arena + step.out + index * step.out_group);
  }
}

}  // namespace
