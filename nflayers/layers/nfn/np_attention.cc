#include <nfopt/nflayers/layers/nfn/channel_linear.h>
#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/nfn/dropout.h>
#include <nfopt/nflayers/layers/nfn/init.h>
#include <nfopt/nflayers/layers/nfn/np_attention.h>
#include <nfopt/nflayers/layers/nfn/simple_attention.h>
#include <nfopt/nflayers/layers/nfn/view_names.h>

#include <cmath>
#include <numeric>
#include <utility>

namespace nfopt {
namespace {

// Vectors along a label: [P, B, H, 3, d, axes...] -> [P, B, H, 3, tokens, d * n], and what undoes it for [P, B, H, ..].
class TokenReading {
 public:
  TokenReading(const AttentionTokens& part, at::IntArrayRef axis_sizes) : part_(part) {
    for (size_t a = 0; a < axis_sizes.size(); ++a) sizes_.push_back(axis_sizes[a]);
    for (int axis : part.averaged) sizes_[axis] = 1;
    for (int axis : part.tokens) {
      token_sizes_.push_back(sizes_[axis]);
      tokens_ *= sizes_[axis];
    }
    for (int axis : part.along) along_sizes_.push_back(sizes_[axis]);
  }

  int64_t tokens() const { return tokens_; }

  at::Tensor read(const at::Tensor& qkv) const {
    at::Tensor x = qkv;
    if (!part_.averaged.empty()) {
      std::vector<int64_t> axes;
      for (int axis : part_.averaged) axes.push_back(5 + axis);
      x = x.mean(axes, /*keepdim=*/true);
    }
    std::vector<int64_t> order = {0, 1, 2, 3};
    for (int axis : part_.tokens) order.push_back(5 + axis);
    order.push_back(4);
    for (int axis : part_.along) order.push_back(5 + axis);
    for (int axis : part_.averaged) order.push_back(5 + axis);
    return x.permute(order).reshape({x.size(0), x.size(1), x.size(2), 3, tokens_, -1});
  }

  // [P, B, H, tokens, d * n] -> [P, B, H * d, axes...], size 1 along averaged axes.
  at::Tensor write(const at::Tensor& y, int64_t d) const {
    std::vector<int64_t> sizes = {y.size(0), y.size(1), y.size(2)};
    sizes.insert(sizes.end(), token_sizes_.begin(), token_sizes_.end());
    sizes.push_back(d);
    sizes.insert(sizes.end(), along_sizes_.begin(), along_sizes_.end());
    sizes.insert(sizes.end(), part_.averaged.size(), 1);
    const auto first_token = static_cast<int64_t>(3), channel = first_token + static_cast<int64_t>(part_.tokens.size());
    std::vector<int64_t> from(sizes_.size());
    for (size_t i = 0; i < part_.tokens.size(); ++i) from[part_.tokens[i]] = first_token + static_cast<int64_t>(i);
    int64_t next = channel + 1;
    for (int axis : part_.along) from[axis] = next++;
    for (int axis : part_.averaged) from[axis] = next++;
    std::vector<int64_t> order = {0, 1, 2, channel};
    order.insert(order.end(), from.begin(), from.end());
    std::vector<int64_t> result = {y.size(0), y.size(1), y.size(2) * d};
    result.insert(result.end(), sizes_.begin(), sizes_.end());
    return y.reshape(sizes).permute(order).reshape(result);
  }

 private:
  const AttentionTokens& part_;
  std::vector<int64_t> sizes_, token_sizes_, along_sizes_;
  int64_t tokens_ = 1;
};

}  // namespace

NPAttentionImpl::NPAttentionImpl(NPAttentionOptions given) : options(std::move(given)) {
  const WeightSpace& space = required_space(options.space(), "NPAttention");
  const int64_t c = options.channels(), heads = options.num_heads();
  require_channels("NPAttention", c, heads);
  require_probability("NPAttention", options.dropout());
  if (c % heads != 0)
    throw Error("layer", "NPAttention cannot divide " + std::to_string(c) + " channels among " + std::to_string(heads) +
                             " heads. Choose num_heads among the divisors.");
  views_ = std::make_shared<const FeatureViews>(space, Fold::fixed());
  axes_ = std::make_shared<const std::vector<AttentionAxis>>(attention_axes(fold_views(space, Fold::fixed())));
  auto add = [&](const std::string& name, int64_t outputs, int64_t inputs) {
    stored_.push_back({name + ".linear.weight", {outputs, inputs}});
    stored_.push_back({name + ".linear.bias", {outputs}});
    return static_cast<int>(stored_.size()) - 2;
  };
  if (options.share_projections()) {
    std::string folded;
    for (const PlanView& view : views_->views())
      if (view.folded_size > 1) folded += (folded.empty() ? "'" : ", '") + view.name + "'";
    if (!folded.empty())
      throw Error("layer",
                  "NPAttention cannot share its projections, since kernels or other fixed axes are folded into "
                  "the channels of " +
                      folded + ". Set share_projections(false).");
    add("to_qkv", 3 * c, c);
    projections_.assign(views_->views().size(), {0, -1});
  } else {
    const auto to = view_names(space, "weight_to_qkv.", "bias_to_qkv.", "to_qkv.");
    const auto from = view_names(space, "unproject_weight.", "", "unproject.");
    for (size_t v = 0; v < views_->views().size(); ++v) {
      const int64_t folded = views_->views()[v].folded_size * c;
      Projection projection{add(to[v], 3 * c, folded), -1};
      if (space.views()[v].factors.size() >= 2) projection.unproject = add(from[v], folded, c);
      projections_.push_back(projection);
    }
  }
  reset();
}

void NPAttentionImpl::reset() {
  own_ = ParameterList(*this, stored_);
  reset_parameters();
}

void NPAttentionImpl::reset_parameters() {
  const auto p = own_.in_order();
  for (size_t i = 0; i < p.size(); i += 2)
    set_init({stored_[i].name, p[i], p[i + 1]}, Rng(options.seed()), InitType::pytorch_default, p[i].size(1));
}

void NPAttentionImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::NPAttention(channels=" << options.channels() << ", num_heads=" << options.num_heads()
         << ", dropout=" << options.dropout()
         << ", share_projections=" << (options.share_projections() ? "true" : "false") << ")";
}

std::vector<at::Tensor> NPAttentionImpl::project(const std::vector<at::Tensor>& views,
                                                 const std::vector<at::Tensor>& p) const {
  const int64_t heads = options.num_heads(), d = options.channels() / heads;
  std::vector<at::Tensor> result;
  for (size_t v = 0; v < views.size(); ++v) {
    const at::Tensor qkv = map_channels(views[v], p[projections_[v].qkv], p[projections_[v].qkv + 1]);
    result.push_back(qkv.unflatten(2, {heads, 3, d}));  // the split is inside each head
  }
  return result;
}

at::Tensor NPAttentionImpl::unproject(size_t view, const at::Tensor& y, const std::vector<at::Tensor>& p) const {
  const int position = projections_[view].unproject;
  return position < 0 ? y : map_channels(y, p[position], p[position + 1]);
}

// [P, B, H, 3, T, width] -> [P, B, H, T, width]
at::Tensor NPAttentionImpl::attend(const at::Tensor& qkv, const Rng& rng) const {
  const at::Tensor q = qkv.select(3, 0), k = qkv.select(3, 1), v = qkv.select(3, 2);
  if (!is_training() || options.dropout() == 0) return simple_attention(q, k, v);
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
  const at::Tensor weights = (at::matmul(q, k.transpose(-2, -1)) * scale).softmax(-1);
  return at::matmul(dropped(weights, weights.sizes(), options.dropout(), rng), v);
}

std::vector<at::Tensor> NPAttentionImpl::forward(const std::vector<at::Tensor>& x) {
  const auto p = own_.in_order();
  const int64_t d = options.channels() / options.num_heads();
  const std::vector<at::Tensor> views = views_->fold(x), qkv = project(views, p);
  std::vector<at::Tensor> sums(views.size());
  auto add = [&](size_t v, const at::Tensor& y) {  // sizes of 1 broadcast
    const at::Tensor term = unproject(v, y, p);
    sums[v] = sums[v].defined() ? sums[v] + term : term;
  };
  if (!options.ablate_diagonalterm()) {
    std::vector<at::Tensor> means;
    for (const at::Tensor& t : qkv) means.push_back(t.dim() == 5 ? t : t.flatten(5).mean(5));
    const at::Tensor all = at::stack(means, 4);  // [P, B, H, 3, views, d]
    const at::Tensor y = simple_attention(all.select(3, 0), all.select(3, 1), all.select(3, 2));
    for (size_t v = 0; v < views.size(); ++v) {
      std::vector<int64_t> sizes = views[v].sizes().vec();
      std::fill(sizes.begin() + 3, sizes.end(), 1);
      sizes[2] = options.channels();
      add(v, y.select(3, static_cast<int64_t>(v)).reshape(sizes));
    }
  }
  if (!options.ablate_crossterm()) {
    const bool drop = is_training() && options.dropout() > 0;
    const Rng rng = Rng(options.seed()).purpose("dropout").index(drop ? passes_++ : 0);
    for (size_t a = 0; a < axes_->size(); ++a) {
      std::vector<TokenReading> readings;
      std::vector<at::Tensor> tokens;
      for (const AttentionTokens& part : (*axes_)[a].parts) {
        readings.emplace_back(part, qkv[part.view].sizes().slice(5));
        tokens.push_back(readings.back().read(qkv[part.view]));
      }
      const at::Tensor y = attend(at::cat(tokens, 4), rng.index(a));
      int64_t next = 0;
      for (size_t i = 0; i < readings.size(); ++i) {
        add((*axes_)[a].parts[i].view, readings[i].write(y.narrow(3, next, readings[i].tokens()), d));
        next += readings[i].tokens();
      }
    }
  }
  for (size_t v = 0; v < views.size(); ++v)
    sums[v] = sums[v].defined() ? sums[v].expand_as(views[v]) : at::zeros_like(views[v]);
  return views_->unfold(sums);
}

}  // namespace nfopt
