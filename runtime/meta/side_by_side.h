#pragma once

#include <cstddef>
#include <functional>

namespace nfopt {

/// Runs job(0) .. job(count - 1) on TBB, begun in that order, each on one thread from its beginning to its end.
///
/// LibTorch uses one thread within an operation meanwhile: more would fight with ours, and sums that are split by
/// threads depend on their number. Denormal numbers are read and written as 0: momenta of dead units decay through the
/// denormal range, where one multiplication costs a hundred. A kernel inside a job may use TBB itself; a thread that
/// waits for it does not begin another job. The first exception ends the call.
void side_by_side(size_t count, const std::function<void(size_t)>& job);

}  // namespace nfopt
