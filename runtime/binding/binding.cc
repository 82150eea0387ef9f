#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/binding/binding.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <unordered_map>

namespace nfopt {
namespace {

// Two entries at one address: an update in place would step one of them twice.
bool shares_entries(const at::Tensor& tensor) {
  if (tensor.layout() != at::kStrided) return false;
  for (int64_t axis = 0; axis < tensor.dim(); ++axis)
    if (tensor.size(axis) > 1 && tensor.stride(axis) == 0) return true;
  return false;
}

bool same_storage(const at::Tensor& a, const at::Tensor& b) {
  return a.is_same(b) || (a.has_storage() && b.has_storage() && a.is_alias_of(b) && a.sizes() == b.sizes() &&
                          a.storage_offset() == b.storage_offset());
}

class Matcher {
 public:
  Matcher(const std::vector<LiveTensor>& live, const WeightSpacePtr& space, const BindOptions& options)
      : live_(live), options_(options) {
    binding_.space = space;
    std::string twice;
    for (size_t i = 0; i < live.size(); ++i)
      if (!by_name_.emplace(live[i].name, i).second) twice += (twice.empty() ? "'" : ", '") + live[i].name + "'";
    if (!twice.empty()) throw Error("binding", "Two tensors have one name: " + twice + ". Give every tensor its own.");
    used_.resize(live.size());
    for (const auto& tensor : live) some_require_gradients_ |= tensor.tensor.defined() && tensor.tensor.requires_grad();
  }

  Binding run() {
    choose_prefix();
    for (const Tensor& described : binding_.space->tensors()) match(described);
    for (size_t i = 0; i < live_.size(); ++i) sort_out(i);
    for (auto& missing : binding_.report.missing) missing.near = near_name(missing);
    check();
    return std::move(binding_);
  }

 private:
  void choose_prefix() {
    if (options_.prefix) {
      binding_.report.prefix.removed = *options_.prefix;
      return;
    }
    std::vector<std::string> described, live;
    for (const Tensor& tensor : binding_.space->tensors()) described.push_back(tensor.name);
    for (const auto& tensor : live_) live.push_back(tensor.name);
    const auto best = best_prefixes(described, live);
    if (best.empty()) return;
    binding_.report.prefix = best.front();
    if (best.size() == 1 || best.front().empty()) return;
    std::string list;
    for (const auto& prefix : best) list += "\n  " + to_string(prefix);
    throw Error("binding", "Several parts of the network fit the description equally well:" + list +
                               "\nName one of them in BindOptions::prefix, or give the tensors of one part only.");
  }

  std::optional<size_t> find(const std::string& described) const {
    auto found = by_name_.find(binding_.report.prefix.live_name(described));
    if (found == by_name_.end()) found = by_name_.find(described);
    if (found == by_name_.end()) return {};
    return found->second;
  }

  void match(const Tensor& described) {
    // A state dict without the first name of a tied tensor still has one of the others.
    std::optional<size_t> at = find(described.name);
    for (size_t i = 0; !at && i < described.tied.size(); ++i) at = find(described.tied[i]);
    binding_.tensors.push_back(at ? live_[*at].tensor : at::Tensor());
    BindingReport& report = binding_.report;
    if (!at) {
      report.missing.push_back({described.name, described.shape, described.kind, ""});
      return;
    }
    const LiveTensor& live = live_[*at];
    used_[*at] = true;
    if (!live.tensor.defined()) {
      report.other.push_back("'" + live.name + "' is undefined");
      return;
    }
    const auto [first, is_new] = owner_.emplace(live.tensor.unsafeGetTensorImpl(), described.name);
    if (live.tensor.sizes() != at::IntArrayRef(described.shape)) {
      report.wrong_shape.push_back({described.name, live.name, described.shape, live.tensor.sizes().vec()});
      return;
    }
    const bool frozen = described.kind == Kind::parameter && some_require_gradients_ && !live.tensor.requires_grad();
    report.matched.push_back({described.name, live.name, frozen});
    check_use(described, live);
    if (!is_new)
      report.other.push_back("'" + described.name + "' is the same tensor as another one of the space, '" +
                             first->second + "': declare it `tied`");
    for (const auto& copy : described.tied)
      if (const auto other = find(copy); other && *other != *at) match_copy(described.name, live, *other);
  }

  void check_use(const Tensor& described, const LiveTensor& live) {
    auto& other = binding_.report.other;
    if (live.kind && *live.kind != described.kind)
      other.push_back("'" + live.name + "' is a " + (*live.kind == Kind::buffer ? "buffer" : "parameter") +
                      " of the network and described as a " +
                      (described.kind == Kind::buffer ? "buffer" : "parameter"));
    if (described.kind == Kind::parameter && !live.tensor.is_floating_point())
      other.push_back("'" + live.name + "' is not of a floating-point type");
    if (described.kind == Kind::parameter && shares_entries(live.tensor))
      other.push_back("'" + live.name + "' has entries that share memory (an expanded tensor): bind a clone");
  }

  void match_copy(const std::string& described, const LiveTensor& live, size_t copy) {
    const LiveTensor& other = live_[copy];
    used_[copy] = true;
    const bool trained = live.tensor.requires_grad() || other.tensor.requires_grad();
    if (same_storage(live.tensor, other.tensor) ||
        (!trained && live.tensor.sizes() == other.tensor.sizes() && at::equal(live.tensor, other.tensor)))
      binding_.report.tied.push_back({other.name, described});
    else
      binding_.report.other.push_back("'" + other.name + "' is declared tied to '" + described +
                                      "' and has storage of its own");
  }

  void sort_out(size_t i) {
    if (used_[i] || !live_[i].tensor.defined()) return;
    const LiveTensor& live = live_[i];
    const auto [owner, is_new] = owner_.emplace(live.tensor.unsafeGetTensorImpl(), live.name);
    if (!is_new) {
      binding_.report.tied.push_back({live.name, owner->second});
      return;
    }
    binding_.extra.push_back(live);
    binding_.report.extra.push_back({live.name, live.tensor.sizes().vec()});
  }

  // The same shape outranks a similar spelling: renamed layers keep their shapes.
  std::string near_name(const BindingReport::Missing& missing) const {
    std::vector<std::string> same_shape, all;
    for (const auto& [live, shape] : binding_.report.extra) {
      all.push_back(live);
      if (shape == missing.shape) same_shape.push_back(live);
    }
    const std::string name = binding_.report.prefix.live_name(missing.described);
    const std::string& like = name.empty() ? missing.described : name;
    if (const auto near = near_names(like, same_shape); !near.empty()) return near[0];
    if (same_shape.size() == 1) return same_shape[0];
    const auto near = near_names(like, all);
    return near.empty() ? "" : near[0];
  }

  void check() const {
    const BindingReport& report = binding_.report;
    const bool refused = options_.extra == ExtraTensors::refuse && !report.extra.empty();
    if (report.complete() && !refused) return;
    const std::string remedy = report.matched.empty()
                                   ? "Not one tensor matches: this is another architecture, or another naming."
                                   : "Correct the options of the architecture, or describe what the network has.";
    throw Error("binding", "The network does not fit the description: " + report.headline() + "." + report.problems() +
                               "\n" + remedy);
  }

  const std::vector<LiveTensor>& live_;
  const BindOptions& options_;
  Binding binding_;
  std::unordered_map<std::string, size_t> by_name_;
  std::unordered_map<const void*, std::string> owner_;  // by identity: the name under which a tensor is known
  std::vector<bool> used_;
  bool some_require_gradients_ = false;
};

}  // namespace

NamedTensorList Binding::named() const {
  NamedTensorList list;
  for (size_t i = 0; i < tensors.size(); ++i) list.emplace_back(space->tensors()[i].name, tensors[i]);
  for (const auto& live : extra) list.emplace_back(live.name, live.tensor);
  return list;
}

Binding bind(const std::vector<LiveTensor>& tensors, const WeightSpacePtr& space, const BindOptions& options) {
  return Matcher(tensors, space, options).run();
}

Binding bind(const NamedTensorList& tensors, const WeightSpacePtr& space, const BindOptions& options) {
  return nfopt::bind(live_tensors(tensors), space, options);
}

Binding bind(const torch::nn::Module& module, const WeightSpacePtr& space, const BindOptions& options) {
  return nfopt::bind(live_tensors(module), space, options);
}

Binding bind(const torch::nn::Module& module, const Instance& instance, const BindOptions& options) {
  return nfopt::bind(module, instance.space, options);
}

}  // namespace nfopt
