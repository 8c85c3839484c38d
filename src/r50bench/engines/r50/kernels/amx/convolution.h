// One convolution over a group of images, shared by a team; the classifier is one over the mean.
#pragma once
#include "finish.h"

namespace {

using Kernel = void (*)(const Panel&, int64_t begin, int64_t end);

// Returns null where there is none for the step's shape.
inline Kernel find_kernel(const Step& step) {
  const bool residual = step.residual >= 0 || step.wide_residual >= 0;
  const bool wide_block = step.rows == 2 && step.columns == 2;
  if (!wide_block && (step.rows != 1 || step.columns != 4)) return nullptr;
#if defined(R50_INT8)
  if (wide_block && residual) return nullptr;
  const auto of_shift = [&]<int Shift>(std::integral_constant<int, Shift>) -> Kernel {
    return wide_block ? multiply<2, 2, Finish<Shift, false>>
           : residual ? multiply<1, 4, Finish<Shift, true>>
                      : multiply<1, 4, Finish<Shift, false>>;
  };
  switch (step.shift) {
    case 2: return of_shift(std::integral_constant<int, 2>{});
    case 4: return of_shift(std::integral_constant<int, 4>{});
    case 6: return of_shift(std::integral_constant<int, 6>{});
    case 8: return of_shift(std::integral_constant<int, 8>{});
    default: return nullptr;
  }
#else
  const auto of_finish = [&]<bool Residual, bool Wide>() -> Kernel {
    return wide_block ? multiply<2, 2, Finish<Residual, Wide>>
                      : multiply<1, 4, Finish<Residual, Wide>>;
  };
  if (step.wide_out >= 0)
    return residual ? of_finish.template operator()<true, true>()
                    : of_finish.template operator()<false, true>();
  return residual ? of_finish.template operator()<true, false>()
                  : of_finish.template operator()<false, false>();
#endif
}

inline Kernel unfinished_kernel(const Step& step) {
  return step.rows == 2 ? multiply<2, 2, Unfinished> : multiply<1, 4, Unfinished>;
}

constexpr int64_t kLargePicture = 40;  // blocks; see divide

// `index` is the number of the group within its parent's.
inline Panel panel_of(const Run& run, const Step& step, int64_t index) {
  const int32_t* tables = run.plan->tables;
  const int64_t group = index * step.out_group;
  Panel panel{};
  panel.sources[0] = {run.arena + step.in, tables + step.in_tiles, tables + step.in_offsets,
                      step.in_steps};
  panel.sources[1] = {run.arena + step.second, tables + step.second_tiles,
                      tables + step.second_offsets, step.second_steps};
  panel.in_row = step.in_row;
  panel.out = run.arena + step.out + group;
  panel.out_rows = tables + step.out_rows;
  panel.out_plane = step.out_plane;
  panel.residual = run.arena + std::max<int64_t>(step.residual, 0);
  panel.residual_rows = tables + step.residual_rows;
  panel.residual_plane = step.residual_plane;
  panel.wide_out = run.arena + std::max<int64_t>(step.wide_out, 0) + 2 * group;
  panel.wide_residual = run.arena + std::max<int64_t>(step.wide_residual, 0);
  panel.scratch = run.scratch;
  panel.sums = run.scratch + 2 * kSums * kTileBytes;
  return panel;
}

// Where a panel of columns · 16 channels begins in its planes.
inline int64_t channel_offset(const Step& step, int64_t plane, int64_t number) {
  const int64_t channel = number * step.columns * 16;
  return channel / kLineValues * plane + channel % kLineValues * int64_t(sizeof(Value));
}

// Spreads the fetching of what `bytes` follow over `steps` steps of all tiles.
inline void fetch_evenly(Panel& panel, int64_t bytes, int64_t steps) {
  panel.lines = std::max<int64_t>(1, (bytes / kLine + steps - 1) / steps);
  panel.ahead = std::min<int64_t>(kLine, (bytes + panel.lines * steps - 1) / (panel.lines * steps));
}

inline void convolve(const Run& run, const Step& step, int64_t index) {
  const Kernel last = find_kernel(step), unfinished = unfinished_kernel(step);
  Range blocks, panels;
  divide(run.team, step.tiles / step.rows, step.panels, kLargePicture, blocks, panels);
  const Panel whole = panel_of(run, step, index);
  const int64_t steps = step.in_steps + step.second_steps;
  const int64_t step_bytes = step.columns * kTileBytes;
  for (int64_t begin = blocks.begin; begin < blocks.end; begin += step.run) {
    const int64_t end = std::min(begin + step.run, blocks.end);
    for (int64_t number = panels.begin; number < panels.end; number++) {
      Panel panel = whole;
      const int64_t out = channel_offset(step, step.out_plane, number);
      const int64_t residual = channel_offset(step, step.residual_plane, number);
      panel.out += out, panel.wide_out += 2 * out;
      panel.residual += residual, panel.wide_residual += 2 * residual;
      panel.constants = run.plan->constants + step.constants + number * step.panel_constants;
      panel.weights = run.plan->weights + step.weights + number * steps * step_bytes;
      const char* behind = panel.weights + steps * step_bytes;
      panel.next = behind;
      fetch_evenly(panel, steps * step_bytes, steps * (end - begin));
      if (steps <= step.part) {
        last(panel, begin * step.rows, end * step.rows);
        continue;
      }
      panel.sources[1].steps = 0;
      for (const Source& source : whole.sources)
        for (int64_t at = 0; at < source.steps; at += step.part) {
          const int64_t now = std::min(step.part, source.steps - at);
          panel.sources[0] = {source.base, source.tiles, source.offsets + at, now};
          const bool finishes = panel.weights + now * step_bytes == behind;
          (finishes ? last : unfinished)(panel, begin * step.rows, end * step.rows);
          panel.weights += now * step_bytes;
          panel.next += now * (end - begin) * panel.lines * panel.ahead;
          panel.continues = true;
        }
    }
  }
}

inline void classify(const Run& run, const Step& step, int64_t first) {
  const Range panels = share(step.panels, run.team.rank, run.team.size);
  Panel panel = panel_of(run, step, 0);
  const int64_t panel_bytes = step.in_steps * step.columns * kTileBytes;
  panel.images = std::min(step.group, run.images - first), panel.row_classes = run.classes;
  fetch_evenly(panel, panel_bytes, step.in_steps * step.tiles);
  for (int64_t number = panels.begin; number < panels.end; number++) {
    const int64_t before = number * step.columns * 16;
    panel.constants = run.plan->constants + step.constants + number * step.panel_constants;
    panel.weights = run.plan->weights + step.weights + number * panel_bytes;
    panel.next = panel.weights + panel_bytes;
    panel.logits = run.logits + first * run.classes + before;
    panel.classes = run.classes - before;
    multiply<1, 4, FinishLogits>(panel, 0, step.tiles);
  }
}

// Sixteen channels of a position of the mean's input.
inline Floats mean_term(const Run& run, const Step& step, int64_t at) {
#if defined(R50_INT8)
  return floats_of_bytes(run.arena + step.in + at);
#else
  if (step.wide_residual >= 0) return load_floats(run.arena + step.wide_residual + 2 * at);
  return floats_of_bfloats(run.arena + step.in + at);
#endif
}

// The mean over each picture, in the classifier's own values.
inline void average(const Run& run, const Step& step) {
  const Range planes = share(step.panels, run.team.rank, run.team.size);
  const Floats scale = all_floats(1.0f / float(step.positions));
  constexpr int64_t half = 16 * int64_t(sizeof(Value));
  for (int64_t plane = planes.begin; plane < planes.end; plane++)
    for (int64_t image = 0; image < step.group; image++)
      for (int64_t part = 0; part < kLine; part += 2 * half) {
        Floats sums[2] = {all_floats(0), all_floats(0)};
        for (int64_t position = 0; position < step.positions; position++) {
          const int64_t line = (position * step.group + image) * kLine;
          const int64_t at = plane * step.in_row + line + part;
          sums[0] = plus(sums[0], mean_term(run, step, at));
          sums[1] = plus(sums[1], mean_term(run, step, at + half));
        }
        char* out = run.arena + step.out + plane * step.out_plane + image * kLine + part;
#if defined(R50_INT8)
        store_bytes(out, times(sums[0], scale), times(sums[1], scale));
#else
        store_line(out, bfloats(times(sums[0], scale), times(sums[1], scale)));
#endif
      }
}

}  // namespace
