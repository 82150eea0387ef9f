#pragma once

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/meta/process_group.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

/// A rank that does not answer any more, or that has left with an error of its own.
class NFOPT_API LostRank : public Error {
 public:
  LostRank(int64_t rank, const std::string& message) : Error("communicator", message), rank_(rank) {}
  int64_t rank() const { return rank_; }

 private:
  int64_t rank_;
};

/// What the processes of one run say to each other: every exchange gives every rank the same list, in rank order, so
/// that ranks which combine it in that order agree bit for bit.
///
/// All ranks make the same calls in the same order. One thread per process.
/// Errors   LostRank naming the rank, within the group's timeout: it was killed, its machine is gone, it left.
class NFOPT_API Communicator {
 public:
  virtual ~Communicator();

  virtual int64_t rank() const = 0;
  virtual int64_t size() const = 0;

  /// The payload of every rank, in rank order, the own one included. Any sizes, also empty.
  virtual std::vector<std::string> all_gather(std::string_view payload) = 0;
  /// Returns once every rank is here.
  void barrier() { all_gather({}); }

  /// The last words of a rank that ends early: ranks that wait for it end at once, with this reason. Never throws.
  virtual void leave(const std::string& reason) noexcept = 0;
};

/// Alone, every exchange is a copy; otherwise through LibTorch's c10d::TCPStore (store_communicator.h). Returns once
/// all ranks of the group have met. Throws Error when they do not within the timeout: the message lists who is missing.
NFOPT_API std::unique_ptr<Communicator> make_communicator(const ProcessGroup& group);

/// Ranges of `items` for `size` ranks: contiguous, in rank order, sizes that differ by at most one.
struct RankShare {
  int64_t begin = 0;
  int64_t end = 0;
};
NFOPT_API RankShare share_of(int64_t items, int64_t rank, int64_t size);

}  // namespace nfopt
