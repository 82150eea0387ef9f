#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/attention.h>
#include <nfopt/runtime/network/ops/shape_text.h>
#include <torch/types.h>

#include <cmath>
#include <limits>

namespace nfopt::ops {
namespace {

void check(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, Visible visible) {
  const bool fits = q.dim() == 5 && k.dim() == 5 && v.dim() == 5 && k.sizes().slice(0, 2) == q.sizes().slice(0, 2) &&
                    v.sizes().slice(0, 4) == k.sizes().slice(0, 4) && k.size(4) == q.size(4) && k.size(2) > 0 &&
                    q.size(2) % k.size(2) == 0 && (visible == Visible::all || q.size(3) == k.size(3));
  if (fits) return;
  throw Error("network",
              "attention expects q [P, B, H, T, k], k [P, B, G, S, k], v [P, B, G, S, v] with G dividing H, and T = S "
              "where only the past is visible; received " +
                  shape_text({{"q", q}, {"k", k}, {"v", v}}) + ".");
}

}  // namespace

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, Visible visible) {
  check(q, k, v, visible);
  const int64_t members = q.size(0), batch = q.size(1), heads = q.size(2), length = q.size(3), width = q.size(4);
  const int64_t groups = k.size(2), keys = k.size(3), queries = heads / groups;
  // The queries of one group are rows of one product, so that keys and values are not repeated for each of them.
  const auto rows = [&](const at::Tensor& x, int64_t entries) {
    return x.reshape({members * batch * groups, queries * length, entries});
  };
  const auto columns = [&](const at::Tensor& x) { return x.reshape({members * batch * groups, keys, x.size(4)}); };
  at::Tensor score = at::bmm(rows(q, width) / std::sqrt(static_cast<double>(width)), columns(k).transpose(1, 2));
  if (visible == Visible::past) {
    const at::Tensor future = at::ones({length, keys}, q.options().dtype(at::kBool)).triu(1);
    score = score.view({-1, queries, length, keys}).masked_fill(future, -std::numeric_limits<double>::infinity());
  }
  const at::Tensor share = at::softmax(score, -1);
  return at::bmm(rows(share, keys), columns(v)).view({members, batch, heads, length, v.size(4)});
}

at::Tensor split_heads(const at::Tensor& x, int64_t heads) {
  return x.unflatten(-1, {heads, x.size(-1) / heads}).transpose(-3, -2);
}

at::Tensor join_heads(const at::Tensor& x) { return x.transpose(-3, -2).flatten(-2); }

}  // namespace nfopt::ops
