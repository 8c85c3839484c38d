// The plan, mirrored by amx_plan.py, and what one run of it is: who takes part, and where.
//
// Activations lie in planes of one line of 64 bytes a position: 64 channels in int8, 32 in bfloat16.
// Within a plane positions follow one another, and at each position the images of a group. A tile
// of 16 lines is then 1 KiB in one piece at any offset of the convolution's kernel; tables say where
// each tile begins, where each kernel element lies from there, and where each of its rows is put.
#pragma once
#include "../team.h"
#include "lanes.h"
#include "tile.h"

namespace {

#if defined(R50_INT8)
using Value = uint8_t;
#else
using Value = uint16_t;
#endif
constexpr int64_t kLineValues = kLine / int64_t(sizeof(Value));

enum Kind : int64_t { kFront, kConvolution, kAverage, kClassify };

// Offsets and distances are in bytes; `…_tiles`, `…_rows` and `…_offsets` are places in the tables.
struct Step {
  int64_t kind, level;  // level: the stage whose group of images it runs over
  int64_t in, in_tiles, in_offsets, in_steps;
  int64_t second, second_tiles, second_offsets, second_steps;  // another input, 0 steps: none
  int64_t in_row;                                              // from one row of a tile to the next
  int64_t out, out_rows, out_plane, out_group;  // out_group: from a group to the next of its parent
  int64_t residual, residual_rows, residual_plane;  // residual -1: none
  int64_t wide_out, wide_residual;  // bf32: the same in float32, at twice the offsets; -1: none
  int64_t tiles, rows, columns, panels;  // rows × columns tiles are computed at once
  int64_t part, run;  // steps of a part of the sums; blocks that all panels pass over in turn
  int64_t shift, weights, constants, panel_constants;
  int64_t positions, group;  // for the mean: of a plane, images
};

struct Plan {
  const Step* steps;      // variants × count
  const int64_t* groups;  // variants × kLevels: images that go through a stage together
  int64_t variants, count;
  const int32_t* tables;
  const char* weights;
  const char* constants;
  int64_t arena_bytes, scratch;  // scratch: where in an arena its own thread's begins
  float input_scale, input_zero;
};

constexpr int64_t kLevels = 4;

struct Run {
  const Plan* plan;
  const Step* steps;
  const int64_t* groups;
  char* arena;    // the team's
  char* scratch;  // this thread's own
  Input input;    // of the run's first image
  float* logits;
  int64_t images, classes;
  Team team;
};

}  // namespace
