// The innermost loops: a block of Rows × Columns tiles of sums, over all of a kernel's elements and
// channels. Its sums leave the tiles in the first step of the next block, each between two products:
// there a store costs next to nothing.
#pragma once
#include <type_traits>
#include <utility>

#include "plan.h"

namespace {

// An input of a convolution: tile t begins at base + tiles[t]; step k reads `offsets[k]` from there.
struct Source {
  const char* base;
  const int32_t *tiles, *offsets;
  int64_t steps;
};

// What the tiles of one panel of output channels have in common.
struct Panel {
  Source sources[2];
  int64_t in_row;
  const char* weights;
  const char* next;      // weights to fetch meanwhile:
  int64_t lines, ahead;  // that many lines a step, each so many bytes from the one before
  char* out;
  const int32_t* out_rows;
  int64_t out_plane;
  const char* residual;
  const int32_t* residual_rows;
  int64_t residual_plane;
  char* wide_out;
  const char* wide_residual;
  const char* constants;
  char* scratch;   // for one block's sums
  char* sums;      // for all blocks' sums between parts
  bool continues;  // they are there already
  float* logits;
  int64_t images, classes, row_classes;
};

constexpr int64_t kSums = 4;  // tiles, of eight

template <int Count, class Function>
inline __attribute__((always_inline)) void repeat(Function function) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (function(std::integral_constant<int, I>{}), ...);
  }
  (std::make_integer_sequence<int, Count>{});
}

// One step: Rows tiles of values times Columns of weights. `begin` readies each sum.
template <int Rows, int Columns, class Begin>
inline __attribute__((always_inline)) void multiply_step(const char* const (&in)[Rows],
                                                         int64_t offset, int64_t in_row,
                                                         const char* weights, Begin begin) {
  static_assert(Rows * Columns == kSums && Rows <= 2);
  constexpr int values = kSums, first_weights = values + Rows, weight_tiles = 8 - first_weights;
  repeat<Columns>([&](auto column) __attribute__((always_inline)) {
    constexpr int b = first_weights + column % weight_tiles;
    tile_load<b>(weights + column * kTileBytes, kLine);
    repeat<Rows>([&](auto row) __attribute__((always_inline)) {
      constexpr int sum = row * Columns + column;
      if constexpr (column == 0) tile_load<values + row>(in[row] + offset, in_row);
      begin(std::integral_constant<int, sum>{});
      tile_multiply<sum, values + row, b>();
    });
  });
}

// Sums that go on in another part; see `Panel::sums`.
struct Unfinished {
  template <int Rows, int Columns>
  static void finish(const Panel&, const char*, int64_t) {}
};

// Computes tiles `begin` to `end`, a multiple of Rows, and finishes them by Finish.
template <int Rows, int Columns, class Finish>
__attribute__((noinline)) void multiply(const Panel& panel, int64_t begin, int64_t end) {
  constexpr bool unfinished = std::is_same_v<Finish, Unfinished>;
  constexpr int64_t block_bytes = kSums * kTileBytes;
  fence_memory();
  const char* next = panel.next;
  char* sums = panel.sums;
  char *put = nullptr, *ready = nullptr;  // where the last block puts its sums, the one before put
  for (int64_t tile = begin; tile < end; tile += Rows) {
    const char* weights = panel.weights;
    const char* in[Rows];
    int64_t offset = 0;
    const auto fetch = [&]() __attribute__((always_inline)) {
      for (int64_t line = 0; line < panel.lines; line++, next += panel.ahead)
        _mm_prefetch(next, _MM_HINT_T1);
    };
    const auto start = [&](auto sum) __attribute__((always_inline)) {
      if (put) tile_store<sum>(put + sum * kTileBytes);
      if (panel.continues)
        tile_load<sum>(sums + sum * kTileBytes, kLine);
      else
        tile_zero<sum>();
    };
    for (int row = 0; row < Rows; row++)
      in[row] = panel.sources[0].base + panel.sources[0].tiles[tile + row];
    offset = panel.sources[0].offsets[0];
    multiply_step<Rows, Columns>(in, offset, panel.in_row, weights, start);
    fetch();
    for (int64_t k = 1; k < panel.sources[0].steps; k++) {
      weights += Columns * kTileBytes;
      multiply_step<Rows, Columns>(in, panel.sources[0].offsets[k], panel.in_row, weights,
                                   [](auto) {});
      fetch();
    }
    if (panel.sources[1].steps) {
      for (int row = 0; row < Rows; row++)
        in[row] = panel.sources[1].base + panel.sources[1].tiles[tile + row];
      for (int64_t k = 0; k < panel.sources[1].steps; k++) {
        weights += Columns * kTileBytes;
        multiply_step<Rows, Columns>(in, panel.sources[1].offsets[k], panel.in_row, weights,
                                     [](auto) {});
        fetch();
      }
    }
    if constexpr (unfinished) {
      put = sums;
    } else {
      if (ready) Finish::template finish<Rows, Columns>(panel, ready, tile - 2 * Rows);
      char* free = ready ? ready : panel.scratch + (put ? block_bytes : 0);
      ready = put;
      put = free;
    }
    sums += block_bytes;
  }
  if (put) {
    repeat<kSums>([&](auto sum) { tile_store<sum>(put + sum * kTileBytes); });
    if (ready) Finish::template finish<Rows, Columns>(panel, ready, end - 2 * Rows);
    Finish::template finish<Rows, Columns>(panel, put, end - Rows);
  }
  fence_memory();
}

}  // namespace
