#include <nfopt/runtime/plugin/architecture.h>
#include <nfopt/runtime/plugin/guarded_architecture.h>

namespace nfopt {

Architecture::~Architecture() = default;

std::optional<std::map<std::string, OptionValue>> Architecture::recognize(const NamedShapes&) const {
  return std::nullopt;
}

std::vector<Example> Architecture::examples() const { return {}; }

std::shared_ptr<const Architecture> Architecture::guarded(std::shared_ptr<const Architecture> self) const {
  return std::make_shared<GuardedArchitecture>(std::move(self));
}

}  // namespace nfopt
