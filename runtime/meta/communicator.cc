#include <nfopt/runtime/meta/communicator.h>
#include <nfopt/runtime/meta/store_communicator.h>

#include <algorithm>

namespace nfopt {
namespace {

class Alone final : public Communicator {
 public:
  int64_t rank() const override { return 0; }
  int64_t size() const override { return 1; }
  std::vector<std::string> all_gather(std::string_view payload) override { return {std::string(payload)}; }
  void leave(const std::string&) noexcept override {}
};

}  // namespace

Communicator::~Communicator() = default;

std::unique_ptr<Communicator> make_communicator(const ProcessGroup& group) {
  if (group.size == 1) return std::make_unique<Alone>();
  return std::make_unique<StoreCommunicator>(group);
}

RankShare share_of(int64_t items, int64_t rank, int64_t size) {
  const int64_t each = items / size, more = items % size;
  const int64_t begin = rank * each + std::min(rank, more);
  return {begin, begin + each + (rank < more ? 1 : 0)};
}

}  // namespace nfopt
