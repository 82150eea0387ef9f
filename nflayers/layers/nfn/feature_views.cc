#include <nfopt/nflayers/kernels/aten/views.h>
#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <sstream>

namespace nfopt {
namespace {

void check(const std::vector<PlanTensor>& tensors, const std::vector<at::Tensor>& x) {
  if (x.size() != tensors.size())
    throw Error("layer", "expected one feature tensor per tensor of the weight space, " +
                             std::to_string(tensors.size()) + ", received " + std::to_string(x.size()) + ".");
  std::ostringstream problems;
  for (size_t i = 0; i < x.size(); ++i) {
    const at::Tensor& t = x[i];
    if (t.defined() && t.dim() == static_cast<int64_t>(tensors[i].shape.size()) + 3 &&
        t.sizes().slice(3) == at::IntArrayRef(tensors[i].shape))
      continue;
    problems << "\n       '" << tensors[i].name << "': expected [P, B, C";
    for (int64_t size : tensors[i].shape) problems << ", " << size;
    problems << "], received ";
    if (t.defined())
      problems << t.sizes();
    else
      problems << "an undefined tensor";
  }
  if (problems.tellp() > 0) throw Error("layer", "features of the wrong shape:" + problems.str());
}

}  // namespace

FeatureViews::FeatureViews(const WeightSpace& space, const Fold& fold)
    : plan_(std::make_shared<const Plan>(build_plan(space, fold, [](int, int, const Partition&) { return false; }))) {}

std::vector<at::Tensor> FeatureViews::fold(const std::vector<at::Tensor>& x) const {
  check(plan_->tensors, x);
  return aten::read_views(*plan_, x);
}

std::vector<at::Tensor> FeatureViews::unfold(const std::vector<at::Tensor>& views) const {
  return aten::write_views(*plan_, views);
}

at::Tensor FeatureViews::split_channels(size_t v, const at::Tensor& view) const {
  const PlanView& plan_view = plan_->views[v];
  std::vector<int64_t> sizes = {view.size(0), view.size(1), view.size(2) / plan_view.folded_size};
  for (const auto* axes : {&plan_view.folded, &plan_view.axes})
    for (const PlanAxis& axis : *axes) sizes.push_back(axis.size);
  return view.reshape(sizes);
}

at::Tensor FeatureViews::join_channels(size_t v, const at::Tensor& split) const {
  const PlanView& plan_view = plan_->views[v];
  std::vector<int64_t> sizes = {split.size(0), split.size(1), split.size(2) * plan_view.folded_size};
  for (const PlanAxis& axis : plan_view.axes) sizes.push_back(axis.size);
  return split.reshape(sizes);
}

const WeightSpace& required_space(const WeightSpacePtr& space, const char* layer) {
  if (!space) throw Error("layer", std::string(layer) + " needs a weight space, received none.");
  return *space;
}

}  // namespace nfopt
