#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/network/channel_norm.h>
#include <nfopt/runtime/network/ops/batch_norm.h>
#include <nfopt/runtime/network/ops/group_norm.h>
#include <torch/types.h>

#include <algorithm>

namespace nfopt {

std::vector<std::string> ChannelNorm::names() { return {"none", "batch", "group"}; }

ChannelNorm::ChannelNorm(const std::string& kind, int64_t groups) : groups_(groups) {
  const std::vector<std::string> all = names();
  const auto found = std::find(all.begin(), all.end(), kind);
  if (found == all.end()) throw Error("network", "No normalisation '" + kind + "'." + known_names(kind, all));
  kind_ = static_cast<Kind>(found - all.begin());
}

std::vector<TensorDescription> ChannelNorm::describe(const std::string& name, const std::string& channels,
                                                     const std::string& block) const {
  using TensorKind = nfopt::Kind;
  std::vector<TensorDescription> tensors;
  const auto add = [&](const char* part, TensorKind kind, Role role, const std::string& axes) {
    TensorDescription tensor;
    tensor.name = name + part;
    tensor.kind = kind;
    tensor.role = role;
    tensor.block = block;
    tensor.axes = axes;
    tensors.push_back(tensor);
  };
  if (!any()) return tensors;
  add(".weight", TensorKind::parameter, Role::scale, channels);
  add(".bias", TensorKind::parameter, Role::bias, channels);
  if (kind_ != Kind::batch) return tensors;
  add(".running_mean", TensorKind::buffer, Role::stat, channels);
  add(".running_var", TensorKind::buffer, Role::stat, channels);
  add(".num_batches_tracked", TensorKind::buffer, Role::stat, "[]");
  return tensors;
}

void ChannelNorm::initialize(Members& members, const std::string& name) const {
  if (!any()) return;
  at::NoGradGuard no_grad;
  members[name + ".weight"].fill_(1.0);
  members[name + ".bias"].zero_();
  if (kind_ != Kind::batch) return;
  members.buffer(name + ".running_mean").zero_();
  members.buffer(name + ".running_var").fill_(1.0);
  members.buffer(name + ".num_batches_tracked").zero_();
}

at::Tensor ChannelNorm::operator()(const at::Tensor& x, Members& members, const std::string& name,
                                   const Pass& pass) const {
  if (!any()) return x;
  const at::Tensor& weight = members[name + ".weight"];
  const at::Tensor& bias = members[name + ".bias"];
  if (kind_ == Kind::group) return ops::group_norm(x, groups_, weight, bias);
  if (!pass.training) {
    return ops::batch_norm_in_evaluation(x, weight, bias, members[name + ".running_mean"],
                                         members[name + ".running_var"]);
  }
  return ops::batch_norm_in_training(x, weight, bias,
                                     {.mean = members.buffer(name + ".running_mean"),
                                      .variance = members.buffer(name + ".running_var"),
                                      .steps = members.buffer(name + ".num_batches_tracked")});
}

}  // namespace nfopt
