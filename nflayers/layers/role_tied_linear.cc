#include <nfopt/nflayers/layers/role_tied_linear.h>
#include <nfopt/nflayers/spec/error.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <sstream>
#include <utility>

namespace nfopt {
namespace {

// Names within an archive. Neither is a key: those contain '|'.
constexpr const char* kOfOthers = "of_others";
constexpr const char* kUntrained = "untrained";

bool is_bias(const std::string& key) { return key.starts_with("bias|"); }

std::map<std::string, at::Tensor> tensors_of(torch::serialize::InputArchive& archive) {
  std::map<std::string, at::Tensor> result;
  for (const std::string& key : archive.keys()) {
    at::Tensor tensor;
    if (archive.try_read(key, tensor)) result.emplace(key, tensor);
  }
  return result;
}

}  // namespace

/// Maps by space, built once each.
struct RoleTiedLinearImpl::Maps {
  std::mutex mutex;
  std::map<WeightSpacePtr, std::shared_ptr<const RoleTiedMap>> of;
};

RoleTiedLinearImpl::RoleTiedLinearImpl(RoleTiedLinearOptions given) : options(std::move(given)) { reset(); }

std::shared_ptr<const RoleTiedMap> RoleTiedLinearImpl::map_of(const WeightSpacePtr& space) const {
  if (!space) throw Error("layer", "RoleTiedLinear needs a weight space, received none.");
  const std::lock_guard<std::mutex> lock(maps_->mutex);
  std::shared_ptr<const RoleTiedMap>& map = maps_->of[space];
  if (!map) map = std::make_shared<const RoleTiedMap>(*space, options.in_channels(), options.out_channels());
  return map;
}

std::vector<std::shared_ptr<const RoleTiedMap>> RoleTiedLinearImpl::own_maps() const {
  std::vector<std::shared_ptr<const RoleTiedMap>> result = {map_};
  for (const WeightSpacePtr& space : options.also()) result.push_back(map_of(space));
  return result;
}

void RoleTiedLinearImpl::reset() {
  if (!maps_) maps_ = std::make_shared<Maps>();
  map_ = map_of(options.space());
  std::set<std::string> keys, bias_keys;
  for (const auto& map : own_maps()) {
    keys.insert(map->keys().begin(), map->keys().end());
    bias_keys.insert(map->bias_keys().begin(), map->bias_keys().end());
  }
  for (const std::string& key : keys)
    register_parameter(key, at::empty({options.in_channels(), options.out_channels()}));
  for (const std::string& key : bias_keys) register_parameter(key, at::empty({options.out_channels()}));
  draw();
}

void RoleTiedLinearImpl::reset_parameters() {
  draw();
  missing_when_loaded_.clear();
  of_others_.clear();
}

void RoleTiedLinearImpl::draw() {
  const torch::NoGradGuard guard;
  // A key draws the same numbers on every architecture, up to scale: the smallest scale keeps all outputs bounded.
  RoleTiedTheta fresh;
  for (const auto& map : own_maps())
    for (auto& [key, value] : map->initial_theta(Rng(options.seed()))) {
      const auto [found, is_new] = fresh.try_emplace(key, value);
      if (!is_new && value.norm().item<double>() < found->second.norm().item<double>()) found->second = value;
    }
  for (const auto& item : named_parameters(/*recurse=*/false)) item.value().detach().copy_(fresh.at(item.key())[0]);
}

size_t RoleTiedLinearImpl::key_count() const {
  size_t keys = 0;
  for (const auto& item : named_parameters(/*recurse=*/false)) keys += is_bias(item.key()) ? 0 : 1;
  return keys;
}

void RoleTiedLinearImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::RoleTiedLinear(in_channels=" << options.in_channels() << ", out_channels=" << options.out_channels()
         << ", keys=" << key_count() << ")";
}

std::vector<at::Tensor> RoleTiedLinearImpl::forward(const std::vector<at::Tensor>& x) { return on(options.space(), x); }

std::vector<at::Tensor> RoleTiedLinearImpl::on(const WeightSpacePtr& space, const std::vector<at::Tensor>& x) {
  const auto map = map_of(space);
  RoleTiedTheta theta;
  for (const auto& [key, value] : of_others_) theta[key] = value.unsqueeze(0);
  for (const auto& item : named_parameters(/*recurse=*/false)) theta[item.key()] = item.value().unsqueeze(0);
  return (*map)(theta, x);
}

std::map<std::string, at::Tensor> RoleTiedLinearImpl::dictionary() const {
  std::map<std::string, at::Tensor> result;
  for (const auto& [key, value] : of_others_) result[key] = value.clone();
  for (const auto& item : named_parameters(/*recurse=*/false)) result[item.key()] = item.value().detach().clone();
  for (const std::string& key : untrained_keys()) result.erase(key);
  return result;
}

void RoleTiedLinearImpl::load_dictionary(const std::map<std::string, at::Tensor>& dictionary) {
  std::ostringstream problems;
  for (const auto& [key, value] : dictionary) {
    std::vector<int64_t> expected = {options.in_channels(), options.out_channels()};
    if (is_bias(key)) expected.erase(expected.begin());
    if (value.defined() && value.sizes() == expected) continue;
    problems << "\n  '" << key << "': expected " << at::IntArrayRef(expected) << ", received ";
    if (value.defined())
      problems << value.sizes();
    else
      problems << "an undefined tensor";
  }
  if (problems.tellp() > 0) throw Error("layer", "the dictionary is of a layer with other channels:" + problems.str());
  const torch::NoGradGuard guard;
  missing_when_loaded_.clear();
  of_others_.clear();
  for (const auto& [key, value] : dictionary) of_others_[key] = value.detach().clone();
  for (const auto& item : named_parameters(/*recurse=*/false)) {
    const auto found = of_others_.find(item.key());
    if (found != of_others_.end()) {
      item.value().detach().copy_(found->second);
      of_others_.erase(found);
    } else {
      item.value().detach().zero_();
      missing_when_loaded_.push_back(item.key());
    }
  }
}

void RoleTiedLinearImpl::save(torch::serialize::OutputArchive& archive) const {
  Module::save(archive);
  torch::serialize::OutputArchive others(archive.compilation_unit());
  for (const auto& [key, value] : of_others_) others.write(key, value, /*is_buffer=*/true);
  archive.write(kOfOthers, others);
  std::string lines;
  for (const std::string& key : untrained_keys()) lines += key + "\n";
  archive.write(kUntrained, c10::IValue(lines));
}

void RoleTiedLinearImpl::load(torch::serialize::InputArchive& archive) {
  std::map<std::string, at::Tensor> dictionary = tensors_of(archive);
  torch::serialize::InputArchive others;
  if (archive.try_read(kOfOthers, others)) dictionary.merge(tensors_of(others));
  c10::IValue untrained;
  if (!archive.try_read(kUntrained, untrained))
    throw Error("layer", "the archive is of no RoleTiedLinear: it has no list of untrained keys.");
  std::istringstream lines(untrained.toStringRef());
  for (std::string key; std::getline(lines, key);) dictionary.erase(key);
  load_dictionary(dictionary);
}

std::vector<std::string> RoleTiedLinearImpl::untrained_keys() const {
  const auto parameters = named_parameters(/*recurse=*/false);
  std::vector<std::string> result;
  for (const std::string& key : missing_when_loaded_)
    if (parameters[key].count_nonzero().item<int64_t>() == 0) result.push_back(key);
  return result;
}

std::vector<std::string> RoleTiedLinearImpl::untrained_keys(const WeightSpacePtr& space) const {
  const auto map = map_of(space);
  const std::vector<std::string> own = untrained_keys();
  const auto parameters = named_parameters(/*recurse=*/false);
  std::vector<std::string> result;
  for (const auto* keys : {&map->keys(), &map->bias_keys()})
    for (const std::string& key : *keys) {
      const bool known = parameters.contains(key) || of_others_.contains(key);
      if (!known || std::find(own.begin(), own.end(), key) != own.end()) result.push_back(key);
    }
  return result;
}

std::string RoleTiedLinearImpl::describe() const {
  std::ostringstream text;
  text << "role-tied layer, " << options.in_channels() << " to " << options.out_channels() << " channels, "
       << key_count() << " keys";
  if (!of_others_.empty()) text << ", " << of_others_.size() << " more of other architectures";
  const std::vector<std::string> untrained = untrained_keys();
  if (untrained.empty()) return text.str();
  text << "\nnever trained, zero:";
  for (const std::string& key : untrained) text << "\n  " << key;
  return text.str();
}

}  // namespace nfopt
