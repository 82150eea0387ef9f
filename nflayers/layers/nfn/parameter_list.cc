#include <nfopt/nflayers/layers/nfn/parameter_list.h>

#include <algorithm>

namespace nfopt {

ParameterList::ParameterList(torch::nn::Module& owner, const std::vector<StoredParameter>& parameters) {
  std::vector<std::pair<std::string, std::vector<StoredParameter>>> nested;
  for (const auto& [name, shape] : parameters) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos) {
      places_.push_back({-1, own_.size()});
      own_.push_back(owner.register_parameter(name, torch::zeros(shape)));
      continue;
    }
    const std::string first = name.substr(0, dot);
    auto scope = std::find_if(nested.begin(), nested.end(), [&](const auto& n) { return n.first == first; });
    if (scope == nested.end()) scope = nested.insert(nested.end(), {first, {}});
    places_.push_back({static_cast<int>(scope - nested.begin()), scope->second.size()});
    scope->second.push_back({name.substr(dot + 1), shape});
  }
  for (auto& [name, inner] : nested)
    scopes_.push_back(owner.register_module(name, std::make_shared<ParameterScope>(std::move(inner))));
}

std::vector<at::Tensor> ParameterList::in_order() const {
  std::vector<std::vector<at::Tensor>> nested;
  nested.reserve(scopes_.size());
  for (const auto& scope : scopes_) nested.push_back(scope->in_order());
  std::vector<at::Tensor> result;
  result.reserve(places_.size());
  for (const Place& place : places_)
    result.push_back(place.scope < 0 ? own_[place.position] : nested[place.scope][place.position]);
  return result;
}

}  // namespace nfopt
