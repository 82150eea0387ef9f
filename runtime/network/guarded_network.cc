#include <c10/util/Exception.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/guarded_network.h>
#include <nfopt/runtime/plugin/boundary.h>
#include <nfopt/runtime/plugin/guarded_architecture.h>

#include <string>
#include <utility>

namespace nfopt {
namespace {

// Runs `call`; what it throws becomes an Error of ours.
template <class Call>
auto at_boundary(const std::string& name, const char* where, Call call) {
  std::string text;
  try {
    return call();
  } catch (const c10::Error& error) {
    text = error.what_without_backtrace();
  } catch (...) {
    rethrow_at_boundary(name, where);
  }
  throw_at_boundary(name, where, text);
}

class GuardedNetwork final : public Network {
 public:
  GuardedNetwork(std::unique_ptr<Network> inner, std::string name) : inner_(std::move(inner)), name_(std::move(name)) {}

  void initialize(Members& members, const Rng& rng) const override {
    at_boundary(name_, "initialize", [&] { inner_->initialize(members, rng); });
  }
  at::Tensor forward(Members& members, const at::Tensor& x, const Pass& pass) const override {
    return at_boundary(name_, "forward", [&] { return inner_->forward(members, x, pass); });
  }

 private:
  std::unique_ptr<Network> inner_;
  std::string name_;
};

}  // namespace

GuardedTrainableArchitecture::GuardedTrainableArchitecture(std::shared_ptr<const TrainableArchitecture> inner)
    : inner_(std::move(inner)), plain_(std::make_shared<GuardedArchitecture>(inner_)), name_(plain_->info().name) {}

std::unique_ptr<Network> GuardedTrainableArchitecture::network(const Options& options) const {
  auto network = at_boundary(name_, "network", [&] { return inner_->network(options); });
  if (!network) throw Error("plugins", "'" + name_ + "' returned no network. Return a Network from network().");
  return std::make_unique<GuardedNetwork>(std::move(network), name_);
}

}  // namespace nfopt
