#pragma once

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <cstddef>
#include <cstdint>

namespace nfopt::cpu {

/// piece(0), .., piece(count - 1), one after the other or as tasks of `grain` pieces.
///
/// A thread that waits for its tasks takes none of its caller's. Tasks compute with the caller's floating-point settings
/// on whichever thread they run: without asking for it they would have those of the thread that started TBB, where
/// denormals are numbers, slow ones, although the caller flushes them to 0 - and bits would depend on the threads.
template <class Piece>
void for_each_piece(int64_t count, int64_t grain, bool parallel, const Piece& piece) {
  if (!parallel || count <= grain) {
    for (int64_t i = 0; i < count; ++i) piece(i);
    return;
  }
  tbb::this_task_arena::isolate([&] {
    tbb::task_group_context context(tbb::task_group_context::bound,
                                    tbb::task_group_context::default_traits | tbb::task_group_context::fp_settings);
    tbb::parallel_for(
        tbb::blocked_range<int64_t>(0, count, static_cast<size_t>(grain)),
        [&](const tbb::blocked_range<int64_t>& range) {
          for (int64_t i = range.begin(); i < range.end(); ++i) piece(i);
        },
        tbb::simple_partitioner(), context);
  });
}

}  // namespace nfopt::cpu
