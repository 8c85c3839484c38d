// The plan, mirrored by plan.py, and what one run of it is: who takes part, and where.
#pragma once
#include "../team.h"
#include "numerics.h"

namespace {

enum Kind : int64_t { kConvolution, kMaxPool, kAverage, kClassify };

// All sizes in elements.
struct Step {
  int64_t kind, late;            // late: runs over all images of a group at once
  int64_t in, out, residual;     // offsets into the arena; residual -1: none
  int64_t in_image, out_image, residual_image;  // from one image to the next, 0: one image only
  int64_t in_pixel, in_row, out_pixel, out_row, residual_pixel, residual_row;
  int64_t kernel_rows, kernel_columns, groups;  // groups of input channels per kernel element
  int64_t stride, padding, height;              // of the input, without padding
  int64_t size_out, channels_out;
  int64_t weights, floats;       // bytes into the weights; floats into scales and biases
};

struct Plan {
  const Step* steps;
  int64_t count;
  const char* weights;
  const float* scales;  // by output channel: what one unit of the accumulator is worth
  const float* biases;
  const float* of_step;  // per step: residual's scale, lower bound
  int64_t arena_bytes, group, input, input_row;
  float input_scale, input_zero;
};

struct Run {
  const Plan* plan;
  char* arena;
  float* logits;
  int64_t images;  // of this group
  Team team;
};

inline Value* at(const Run& run, int64_t offset) {
  return reinterpret_cast<Value*>(run.arena) + offset;
}

}  // namespace
