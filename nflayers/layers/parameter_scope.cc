#include <nfopt/nflayers/layers/parameter_scope.h>

#include <algorithm>
#include <utility>

namespace nfopt {

ParameterScope::ParameterScope(std::vector<StoredParameter> parameters) : parameters_given_(std::move(parameters)) {
  reset();
}

void ParameterScope::reset() {
  places_.clear();
  own_.clear();
  scopes_.clear();
  std::vector<std::pair<std::string, std::vector<StoredParameter>>> nested;
  for (const auto& [name, shape] : parameters_given_) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos) {
      places_.push_back({-1, own_.size()});
      own_.push_back(register_parameter(name, torch::zeros(shape)));
      continue;
    }
    const std::string first = name.substr(0, dot);
    auto scope = std::find_if(nested.begin(), nested.end(), [&](const auto& n) { return n.first == first; });
    if (scope == nested.end()) scope = nested.insert(nested.end(), {first, {}});
    places_.push_back({static_cast<int>(scope - nested.begin()), scope->second.size()});
    scope->second.push_back({name.substr(dot + 1), shape});
  }
  for (auto& [name, parameters] : nested)
    scopes_.push_back(register_module(name, std::make_shared<ParameterScope>(std::move(parameters))));
}

std::vector<at::Tensor> ParameterScope::in_order() const {
  if (scopes_.empty()) return own_;
  std::vector<std::vector<at::Tensor>> nested;
  for (const auto& scope : scopes_) nested.push_back(scope->in_order());
  std::vector<at::Tensor> result;
  for (const Place& place : places_)
    result.push_back(place.child < 0 ? own_[place.position] : nested[place.child][place.position]);
  return result;
}

}  // namespace nfopt
