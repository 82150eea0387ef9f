#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/tasks/task.h>
#include <nfopt/runtime/zoo/zoo.h>
#include <nfopt/runtime/zoo/zoo_config.h>
#include <nfopt/runtime/zoo/zoo_plan.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace nfopt {

/// Trains the networks of a chunk as one population and scores them: each on batches of its own training data, with its
/// own rate, decay, initial scale and number of steps.
///
/// `task` has the chunk's batch size and options. `on_step(n)` is told that n networks made a step; false stops, and
/// nothing is returned. A network that diverges ends alone (ZooNetwork::diverged_at). [any-thread]
NFOPT_API std::optional<Zoo> train_chunk(const std::shared_ptr<const Task>& task, const ZooConfig& config,
                                         const ZooChunk& chunk, const std::function<bool(int64_t)>& on_step);

}  // namespace nfopt
