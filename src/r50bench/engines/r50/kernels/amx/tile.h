// Tile operations: eight registers of 16 rows of 64 bytes, and D += A · B over them.
//
// -DR50_EMULATED replaces AMX's instructions by plain code that gives the same bits: exact in int8;
// in bf16 in the order of operations that Intel's manual gives TDPBF16PS, denormals as zero.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(R50_EMULATED)
#include <immintrin.h>
#else
#include "../../../../host/amx_tiles.h"
#endif

namespace {

constexpr int64_t kTileRows = 16, kLine = 64, kTileBytes = kTileRows * kLine;

#if defined(R50_EMULATED)

struct alignas(64) TileRegister {
  char row[kTileRows][kLine];
};
thread_local TileRegister tile_registers[8];

inline bool tiles_permitted() { return true; }

// Tiles are usable while one lives. Denormals are zero in tiles always, here while it lives.
class TileSession {
 public:
  TileSession() : control_(_mm_getcsr()) { _mm_setcsr(control_ | 0x8040); }
  ~TileSession() { _mm_setcsr(control_); }
  TileSession(const TileSession&) = delete;
  TileSession& operator=(const TileSession&) = delete;

 private:
  unsigned control_;
};

template <int Tile>
inline void tile_load(const void* at, int64_t stride) {
  for (int64_t row = 0; row < kTileRows; row++)
    std::memcpy(tile_registers[Tile].row[row], static_cast<const char*>(at) + row * stride, kLine);
}

template <int Tile>
inline void tile_store(void* at) {
  std::memcpy(at, &tile_registers[Tile], kTileBytes);
}

template <int Tile>
inline void tile_zero() {
  std::memset(&tile_registers[Tile], 0, kTileBytes);
}

#if defined(R50_INT8)
template <int D, int A, int B>
__attribute__((noinline)) void tile_multiply() {
  int32_t factors[kTileRows][4][16];  // of B, by place in its group of four
  for (int64_t k = 0; k < kTileRows; k++) {
    int32_t words[16];
    std::memcpy(words, tile_registers[B].row[k], kLine);
    for (int n = 0; n < 16; n++)
      for (int i = 0; i < 4; i++)
        factors[k][i][n] = static_cast<int8_t>(uint32_t(words[n]) >> (8 * i));
  }
  for (int64_t m = 0; m < kTileRows; m++) {
    int32_t sums[16];
    uint8_t values[kLine];
    std::memcpy(sums, tile_registers[D].row[m], kLine);
    std::memcpy(values, tile_registers[A].row[m], kLine);
    for (int64_t k = 0; k < kTileRows; k++)
      for (int i = 0; i < 4; i++)
        for (int n = 0; n < 16; n++) sums[n] += values[4 * k + i] * factors[k][i][n];
    std::memcpy(tile_registers[D].row[m], sums, kLine);
  }
}
#else
inline float widened(uint32_t high_half) {
  const uint32_t bits = high_half << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <int D, int A, int B>
__attribute__((noinline)) void tile_multiply() {
  float factors[kTileRows][2][16];  // of B, by place in its pair
  for (int64_t k = 0; k < kTileRows; k++) {
    uint32_t words[16];
    std::memcpy(words, tile_registers[B].row[k], kLine);
    for (int n = 0; n < 16; n++) {
      factors[k][0][n] = widened(words[n] & 0xFFFF);
      factors[k][1][n] = widened(words[n] >> 16);
    }
  }
  for (int64_t m = 0; m < kTileRows; m++) {
    float sums[16], even[16] = {}, odd[16] = {};
    uint16_t values[32];
    std::memcpy(sums, tile_registers[D].row[m], kLine);
    std::memcpy(values, tile_registers[A].row[m], kLine);
    for (int64_t k = 0; k < kTileRows; k++) {
      const float first = widened(values[2 * k]), second = widened(values[2 * k + 1]);
      for (int n = 0; n < 16; n++) {
        even[n] += first * factors[k][0][n];
        odd[n] += second * factors[k][1][n];
      }
    }
    for (int n = 0; n < 16; n++) sums[n] += even[n] + odd[n];
    std::memcpy(tile_registers[D].row[m], sums, kLine);
  }
}
#endif

#else  // AMX

static_assert(sizeof(TileShapes) == kLine);

// Asks the kernel to save and restore tiles, once for all of the process's threads.
inline bool tiles_permitted() {
  static const bool granted = allow_tiles();
  return granted;
}

// Tiles are usable while one lives. Libraries that use tiles in this thread, such as oneDNN, rely on
// the configuration that they left, so it is put back.
class TileSession {
 public:
  TileSession() {
    asm volatile("sttilecfg %0" : "=m"(before_));
    configure_tiles(TileShapes());
  }
  ~TileSession() {
    if (before_.palette)
      configure_tiles(before_);
    else
      asm volatile("tilerelease");
  }
  TileSession(const TileSession&) = delete;
  TileSession& operator=(const TileSession&) = delete;

 private:
  TileShapes before_;
};

// No clobber of memory: what tiles read was written by another function, before `fence_memory`.
template <int Tile>
inline __attribute__((always_inline)) void tile_load(const void* at, int64_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(at), "r"(stride), "i"(Tile));
}

template <int Tile>
inline __attribute__((always_inline)) void tile_store(void* at) {
  asm volatile("tilestored %%tmm%c2, (%1,%3,1)"
               : "=m"(*static_cast<char(*)[kTileBytes]>(at))
               : "r"(at), "i"(Tile), "r"(kLine));
}

template <int Tile>
inline __attribute__((always_inline)) void tile_zero() {
  asm volatile("tilezero %%tmm%c0" : : "i"(Tile));
}

template <int D, int A, int B>
inline __attribute__((always_inline)) void tile_multiply() {
#if defined(R50_INT8)
  asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(D), "i"(A), "i"(B));
#else
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(D), "i"(A), "i"(B));
#endif
}
#endif

// Lets the compiler assume nothing of memory: around code whose tile loads it cannot see.
inline void fence_memory() { asm volatile("" : : : "memory"); }

}  // namespace
