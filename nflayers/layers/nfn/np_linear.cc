#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/nfn/np_linear.h>
#include <nfopt/nflayers/random/tensor_random.h>

#include <utility>

namespace nfopt {

NPLinearImpl::NPLinearImpl(NPLinearOptions given) : options(std::move(given)) {
  const WeightSpace& space = required_space(options.space(), "NPLinear");
  require_channels("NPLinear", options.in_channels(), options.out_channels());
  auto plan = std::make_shared<const Plan>(build_plan(space, Fold::fixed()));
  layer_ = AffineLayer(plan, options.in_channels(), options.out_channels(),
                       np_layout(space, *plan, options.in_channels(), options.out_channels()));
  if (options.io_embed()) embed_ = IoEmbed(space, options.in_channels());
  reset();
}

void NPLinearImpl::reset() {
  layer_.register_in(*this);
  embeddings_ = ParameterList(*this, embed_.parameters());
  reset_parameters();
}

void NPLinearImpl::reset_parameters() {
  const torch::NoGradGuard guard;
  const Rng rng(options.seed());
  layer_.draw(rng, options.init_type());
  auto embeddings = embeddings_.in_order();
  for (size_t i = 0; i < embeddings.size(); ++i)
    fill_normal(embeddings[i], rng.purpose(embed_.parameters()[i].name), 0.0, 1.0);
}

void NPLinearImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::NPLinear(in_channels=" << options.in_channels() << ", out_channels=" << options.out_channels()
         << ", io_embed=" << (options.io_embed() ? "true" : "false")
         << ", tensors=" << layer_.map().plan()->tensors.size() << ")";
}

std::vector<at::Tensor> NPLinearImpl::forward(const std::vector<at::Tensor>& x) {
  return layer_(options.io_embed() ? embed_(embeddings_.in_order(), x) : x);
}

}  // namespace nfopt
