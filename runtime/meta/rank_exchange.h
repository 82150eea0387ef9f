#pragma once

#include <nfopt/runtime/meta/communicator.h>
#include <nfopt/runtime/meta/estimator.h>
#include <nfopt/runtime/optimizers/named_tensors.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt {

/// Why the run should end after this step; all ranks decide it together.
struct StopWish {
  int signal = 0;           ///< Ctrl-C or SIGTERM arrived
  bool piece_ends = false;  ///< the time of this piece is over (rank 0 has the clock)
  bool any() const { return signal != 0 || piece_ends; }
};

/// What one outer step gave on all ranks.
struct SharedStep {
  std::vector<Estimate> parts;  ///< of every chunk, in global order
  StopWish stop;                ///< the wishes of all ranks together
};

/// Exchanges one step: chunk c of `chunks` belongs to rank c % size. Every rank gets the same.
NFOPT_API SharedStep share_step(Communicator& communicator, const std::vector<Estimate>& own, int64_t chunks,
                                const StopWish& wish);

/// The tensors of all ranks, entries "chunk.<c>." in the order of c: what one rank alone would have.
NFOPT_API NamedTensors share_state(Communicator& communicator, const NamedTensors& own);

/// What rank 0 gave, on every rank.
NFOPT_API std::string from_rank_zero(Communicator& communicator, std::string_view payload);

/// Throws on every rank the same Error when `text`, the config as it decides the numbers, is not the same on all.
NFOPT_API void check_same_on_all_ranks(Communicator& communicator, const std::string& text);

}  // namespace nfopt
