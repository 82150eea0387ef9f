#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/plugin/boundary.h>
#include <nfopt/runtime/plugin/guarded_architecture.h>

#include <utility>

namespace nfopt {

GuardedArchitecture::GuardedArchitecture(ArchitecturePtr inner) : inner_(std::move(inner)), name_(info().name) {}

ArchitectureInfo GuardedArchitecture::info() const {
  try {
    return inner_->info();
  } catch (...) {
    rethrow_at_boundary(name_.empty() ? "plugin" : name_, "info");
  }
}

std::vector<TensorDescription> GuardedArchitecture::describe(const Options& options) const {
  std::vector<TensorDescription> tensors;
  try {
    tensors = inner_->describe(options);
  } catch (...) {
    rethrow_at_boundary(name_, "describe");
  }
  if (tensors.empty()) {
    throw Error("plugins", "'" + name_ +
                               "' describes no tensor: expected at least one parameter. "
                               "Return one TensorDescription per parameter from describe().");
  }
  return tensors;
}

std::optional<std::map<std::string, OptionValue>> GuardedArchitecture::recognize(const NamedShapes& shapes) const {
  try {
    return inner_->recognize(shapes);
  } catch (...) {
    rethrow_at_boundary(name_, "recognize");
  }
}

std::vector<Example> GuardedArchitecture::examples() const {
  try {
    return inner_->examples();
  } catch (...) {
    rethrow_at_boundary(name_, "examples");
  }
}

}  // namespace nfopt
