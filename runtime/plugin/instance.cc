#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/plugin/instance.h>

#include <utility>

namespace nfopt {

Instance instantiate(ArchitecturePtr architecture, const std::map<std::string, OptionValue>& given) {
  const ArchitectureInfo info = architecture->info();
  Options options(info.name, info.options, given);
  std::vector<TensorDescription> tensors = architecture->describe(options);
  try {
    auto space = std::make_shared<const WeightSpace>(std::move(tensors));
    return {std::move(architecture), std::move(options), std::move(space)};
  } catch (const SpecError& error) {
    throw Error("plugins", "'" + info.name + "' describes its tensors wrongly: " + error.what());
  }
}

}  // namespace nfopt
