#include <nfopt/nflayers/layers/role_tied_linear.h>
#include <nfopt/nflayers/spec/error.h>

#include <sstream>

namespace nfopt {

RoleTiedLinearImpl::RoleTiedLinearImpl(RoleTiedLinearOptions given) : options(std::move(given)) {
  if (!options.space()) throw Error("layer", "RoleTiedLinear needs a weight space, received none.");
  reset();
}

void RoleTiedLinearImpl::reset() {
  if (!map_)  // clones share it
    map_ = std::make_shared<const RoleTiedMap>(*options.space(), options.in_channels(), options.out_channels());
  for (const std::string& key : map_->keys())
    register_parameter(key, at::empty({options.in_channels(), options.out_channels()}));
  for (const std::string& key : map_->bias_keys()) register_parameter(key, at::empty({options.out_channels()}));
  draw();
}

void RoleTiedLinearImpl::reset_parameters() {
  draw();
  untrained_.clear();
  of_others_.clear();
}

void RoleTiedLinearImpl::draw() {
  const torch::NoGradGuard guard;
  const RoleTiedTheta fresh = map_->initial_theta(Rng(options.seed()));
  for (const auto& item : named_parameters(/*recurse=*/false)) item.value().detach().copy_(fresh.at(item.key())[0]);
}

void RoleTiedLinearImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::RoleTiedLinear(in_channels=" << options.in_channels() << ", out_channels=" << options.out_channels()
         << ", keys=" << map_->keys().size() << ")";
}

std::vector<at::Tensor> RoleTiedLinearImpl::forward(const std::vector<at::Tensor>& x) {
  RoleTiedTheta theta;
  for (const auto& item : named_parameters(/*recurse=*/false)) theta[item.key()] = item.value().unsqueeze(0);
  return (*map_)(theta, x);
}

std::map<std::string, at::Tensor> RoleTiedLinearImpl::dictionary() const {
  std::map<std::string, at::Tensor> result = of_others_;
  for (const auto& item : named_parameters(/*recurse=*/false)) result[item.key()] = item.value().detach().clone();
  return result;
}

void RoleTiedLinearImpl::load_dictionary(const std::map<std::string, at::Tensor>& dictionary) {
  std::ostringstream problems;
  for (const auto& item : named_parameters(/*recurse=*/false)) {
    const auto found = dictionary.find(item.key());
    if (found != dictionary.end() && found->second.sizes() != item.value().sizes())
      problems << "\n  '" << item.key() << "': expected " << item.value().sizes() << ", received "
               << found->second.sizes();
  }
  if (problems.tellp() > 0) throw Error("layer", "the dictionary is of a layer with other channels:" + problems.str());
  const torch::NoGradGuard guard;
  untrained_.clear();
  of_others_ = dictionary;
  for (const auto& item : named_parameters(/*recurse=*/false)) {
    const auto found = dictionary.find(item.key());
    if (found != dictionary.end()) {
      item.value().detach().copy_(found->second);
      of_others_.erase(item.key());
    } else {
      item.value().detach().zero_();
      untrained_.push_back(item.key());
    }
  }
}

std::string RoleTiedLinearImpl::describe() const {
  std::ostringstream text;
  text << "role-tied layer, " << options.in_channels() << " to " << options.out_channels() << " channels, "
       << map_->keys().size() << " keys";
  if (!of_others_.empty()) text << ", " << of_others_.size() << " more of other architectures";
  if (untrained_.empty()) return text.str();
  text << "\nnever trained, zero:";
  for (const std::string& key : untrained_) text << "\n  " << key;
  return text.str();
}

}  // namespace nfopt
