#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/plugin/recognition.h>

#include <algorithm>

namespace nfopt {

bool describes(const Architecture& architecture, const std::map<std::string, OptionValue>& options,
               const NamedShapes& shapes) {
  if (shapes.empty()) return false;  // a network without tensors is nobody's, though loops may describe none
  try {
    const ArchitectureInfo info = architecture.info();
    const WeightSpace space(architecture.describe(Options(info.name, info.options, options)));
    NamedShapes described;
    for (const auto& tensor : space.tensors()) described.emplace_back(tensor.name, tensor.shape);
    NamedShapes given = shapes;
    std::sort(described.begin(), described.end());
    std::sort(given.begin(), given.end());
    return described == given;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace nfopt
