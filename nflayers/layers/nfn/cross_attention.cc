#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/nfn/cross_attention.h>
#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/nfn/simple_attention.h>
#include <nfopt/nflayers/random/tensor_random.h>

#include <sstream>

namespace nfopt {
namespace {

void draw(const ParameterList& embeddings, uint64_t seed) {
  const torch::NoGradGuard guard;
  at::Tensor table = embeddings.in_order()[0];
  fill_normal(table, Rng(seed).purpose("embeddings"), 0.0, 1.0);
}

void require_width(const char* layer, const at::Tensor& tokens, int64_t channels) {
  if (tokens.dim() != 4 || tokens.size(3) != channels) {
    std::ostringstream shape;
    shape << tokens.sizes();
    throw Error("layer", std::string(layer) + " expects tokens [P, B, N, " + std::to_string(channels) + "], received " +
                             shape.str() + ".");
  }
}

}  // namespace

CrossAttnEncoderImpl::CrossAttnEncoderImpl(CrossAttnEncoderOptions given)
    : options(std::move(given)), flatten_(FlattenWeightsOptions(options.space())) {
  require_channels("CrossAttnEncoder", options.channels(), options.num_latents());
  reset();
}

void CrossAttnEncoderImpl::reset() {
  embeddings_ = ParameterList(*this, {{"embeddings", {options.num_latents(), options.channels()}}});
  reset_parameters();
}

void CrossAttnEncoderImpl::reset_parameters() { draw(embeddings_, options.seed()); }

void CrossAttnEncoderImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::CrossAttnEncoder(channels=" << options.channels() << ", num_latents=" << options.num_latents()
         << ")";
}

at::Tensor CrossAttnEncoderImpl::forward(const std::vector<at::Tensor>& x) {
  const at::Tensor tokens = flatten_->forward(x);
  require_width("CrossAttnEncoder", tokens, options.channels());
  return simple_attention(embeddings_.in_order()[0], tokens, tokens);
}

CrossAttnDecoderImpl::CrossAttnDecoderImpl(CrossAttnDecoderOptions given)
    : options(std::move(given)), unflatten_(FlattenWeightsOptions(options.space())) {
  const int64_t needed = token_count(required_space(options.space(), "CrossAttnDecoder"));
  if (options.num_params() == 0) options.num_params(needed);
  require_channels("CrossAttnDecoder", options.channels(), options.num_params());
  if (options.num_params() < needed)
    throw Error("layer", "CrossAttnDecoder needs a token for each of the " + std::to_string(needed) +
                             " entries of the weight space, received num_params " +
                             std::to_string(options.num_params()) + ".");
  reset();
}

void CrossAttnDecoderImpl::reset() {
  embeddings_ = ParameterList(*this, {{"embeddings", {options.num_params(), options.channels()}}});
  reset_parameters();
}

void CrossAttnDecoderImpl::reset_parameters() { draw(embeddings_, options.seed()); }

void CrossAttnDecoderImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::CrossAttnDecoder(channels=" << options.channels() << ", num_params=" << options.num_params() << ")";
}

std::vector<at::Tensor> CrossAttnDecoderImpl::forward(const at::Tensor& z) {
  require_width("CrossAttnDecoder", z, options.channels());
  return unflatten_->forward(simple_attention(embeddings_.in_order()[0], z, z));
}

}  // namespace nfopt
