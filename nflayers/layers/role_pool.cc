#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/role_pool.h>
#include <nfopt/nflayers/spec/error.h>

#include <array>
#include <sstream>
#include <string>
#include <utility>

namespace nfopt {
namespace {

constexpr int64_t kLeadingAxes = 3;  // [P, B, C]
static_assert(static_cast<int64_t>(Role::other) + 1 == kRoles);

void check_pooled_features(const WeightSpace& space, const std::vector<at::Tensor>& x) {
  const auto& tensors = space.tensors();
  if (x.size() != tensors.size())
    throw Error("layer", "a pool expects one feature tensor per tensor of the weight space, " +
                             std::to_string(tensors.size()) + ", received " + std::to_string(x.size()) + ".");
  std::ostringstream problems;
  std::vector<int64_t> batch;  // [P, B, C] of the first tensor, which all share
  for (size_t i = 0; i < x.size(); ++i) {
    const bool fits = x[i].defined() && x[i].dim() >= kLeadingAxes &&
                      x[i].sizes().slice(kLeadingAxes) == at::IntArrayRef(tensors[i].shape);
    if (fits && batch.empty()) batch = x[i].sizes().slice(0, kLeadingAxes).vec();
    if (fits && x[i].sizes().slice(0, kLeadingAxes) == batch) continue;
    problems << "\n  '" << tensors[i].name << "': expected [";
    if (batch.empty()) problems << "P, B, C";
    for (size_t k = 0; k < batch.size(); ++k) problems << (k == 0 ? "" : ", ") << batch[k];
    for (const int64_t size : tensors[i].shape) problems << ", " << size;
    problems << "], received ";
    if (x[i].defined())
      problems << x[i].sizes();
    else
      problems << "an undefined tensor";
  }
  if (problems.tellp() > 0) throw Error("layer", "features of the wrong shape:" + problems.str());
}

}  // namespace

at::Tensor role_means(const WeightSpace& space, const std::vector<at::Tensor>& x) {
  check_pooled_features(space, x);
  std::array<at::Tensor, kRoles> sums;
  std::array<int64_t, kRoles> counts = {};
  for (size_t i = 0; i < x.size(); ++i) {
    const auto role = static_cast<size_t>(space.tensors()[i].role);
    const at::Tensor mean = x[i].dim() == kLeadingAxes ? x[i] : x[i].flatten(kLeadingAxes).mean(kLeadingAxes);
    sums[role] = sums[role].defined() ? sums[role] + mean : mean;
    ++counts[role];
  }
  std::vector<at::Tensor> means;
  for (size_t role = 0; role < sums.size(); ++role)
    means.push_back(counts[role] == 0 ? at::zeros(x.front().sizes().slice(0, kLeadingAxes), x.front().options())
                                      : sums[role] / static_cast<double>(counts[role]));
  return at::cat(means, 2);
}

RolePoolImpl::RolePoolImpl(WeightSpacePtr space) : space_(std::move(space)) { required_space(space_, "RolePool"); }

}  // namespace nfopt
