// AMX's tiles: the permission to use them, and their configuration.
#pragma once

#include <immintrin.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// Eight tiles of 16 rows of 64 bytes: Intel's manual, volume 1, "Tile Configuration".
struct alignas(64) TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileShapes) == 64, "LDTILECFG reads 64 bytes");

// Asks the kernel for the tiles' data, which belong to a process (and its children) only once it has
// asked. False where it refuses, errno then says why: EINVAL before Linux 5.16, EPERM in a sandbox.
inline bool allow_tiles() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // <asm/prctl.h>, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

// Not _tile_loadconfig: GCC's tells the compiler that it reads a pointer, so 8 bytes, and the stores
// to the other 56 are left out as dead. Here the operand is the whole of the shapes.
inline void configure_tiles(const TileShapes& shapes) {
  asm volatile("ldtilecfg %0" : : "m"(shapes));
}
