// Who takes part in a run, and how its work is divided; and the caller's pictures. Both sets of
// kernels, kernels/avx512 and kernels/amx, stand on this.
#pragma once
#include <algorithm>
#include <cstdint>

namespace {

struct Team {
  int64_t rank, size;
};

struct Range {
  int64_t begin, end;
};

inline Range share(int64_t count, int64_t rank, int64_t size) {
  return {count * rank / size, count * (rank + 1) / size};
}

// Divides blocks of positions times panels of output channels. Large pictures are shared by
// positions, so that each core keeps its own: where `large` blocks or more allow both; small ones,
// whose weights are large, by panels; the other way round where that leaves cores without work.
inline void divide(Team team, int64_t blocks, int64_t panels, int64_t large, Range& mine,
                   Range& my_panels) {
  int64_t best = INT64_MAX, across = 1;
  for (int64_t by_blocks = 1; by_blocks <= team.size; by_blocks++) {
    if (team.size % by_blocks) continue;
    const int64_t by_panels = team.size / by_blocks;
    const int64_t longest = ((blocks + by_blocks - 1) / by_blocks) *
                            ((panels + by_panels - 1) / by_panels);
    const bool preferred = longest == best && blocks >= large;
    if (longest < best || preferred) best = longest, across = by_blocks;
  }
  mine = share(blocks, team.rank % across, across);
  my_panels = share(panels, team.rank / across, team.size / across);
}

struct Input {
  const float* values;
  int64_t image, channel, row, column;  // strides in floats
};

}  // namespace
