#include <nfopt/runtime/optimizers/parameter_space.h>

#include <algorithm>

namespace nfopt {

WeightSpacePtr parameter_space(const WeightSpacePtr& space) {
  const auto& all = space->descriptions();
  const auto is_buffer = [](const TensorDescription& d) { return d.kind == Kind::buffer; };
  if (std::none_of(all.begin(), all.end(), is_buffer)) return space;
  std::vector<TensorDescription> parameters;
  std::remove_copy_if(all.begin(), all.end(), std::back_inserter(parameters), is_buffer);
  return std::make_shared<const WeightSpace>(std::move(parameters));
}

}  // namespace nfopt
