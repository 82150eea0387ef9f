#include <nfopt/nflayers/kernels/aten/products.h>
#include <torch/torch.h>

namespace nfopt::aten {
namespace {

// [P, B, rows, N] as [P * B, rows, N].
at::Tensor flat_batch(const at::Tensor& x) { return x.reshape({x.size(0) * x.size(1), x.size(2), x.size(3)}); }

}  // namespace

at::Tensor channel_product(const at::Tensor& m, const at::Tensor& x) {
  const int64_t members = x.size(0), batch = x.size(1), k = x.size(2), n = x.size(3), o = m.size(1);
  const bool shared = m.size(0) == 1;
  if (shared && members * batch == 1) return at::mm(m.view({o, k}), x.reshape({k, n})).view({1, 1, o, n});
  if (n == 1) {  // one position: the batch becomes the long axis of the product
    if (shared) return at::mm(x.reshape({members * batch, k}), m.view({o, k}).t()).view({members, batch, o, 1});
    return at::bmm(x.reshape({members, batch, k}), m.transpose(1, 2)).view({members, batch, o, 1});
  }
  if (shared) return at::bmm(m.expand({members * batch, o, k}), flat_batch(x)).view({members, batch, o, n});
  if (batch == 1) return at::bmm(m, flat_batch(x)).view({members, 1, o, n});
  const at::Tensor repeated = m.unsqueeze(1).expand({members, batch, o, k}).reshape({members * batch, o, k});
  return at::bmm(repeated, flat_batch(x)).view({members, batch, o, n});
}

at::Tensor gram_product(const at::Tensor& y, const at::Tensor& x, int64_t members) {
  const int64_t all = x.size(0), batch = x.size(1), k = x.size(2), n = x.size(3), o = y.size(2);
  const int64_t per_member = members == 1 ? all * batch : batch;  // networks summed into one matrix
  if (per_member == 1) {
    if (members == 1) return at::mm(y.reshape({o, n}), x.reshape({k, n}).t()).view({1, o, k});
    return at::bmm(flat_batch(y), flat_batch(x).transpose(1, 2));
  }
  if (n == 1) return at::bmm(y.reshape({members, per_member, o}).transpose(1, 2), x.reshape({members, per_member, k}));
  if (o * k > (o + k) * n) {  // copying the operands moves less than summing one matrix per network
    const at::Tensor ys = y.reshape({members, per_member, o, n}).transpose(1, 2).reshape({members, o, per_member * n});
    const at::Tensor xs = x.reshape({members, per_member, k, n}).transpose(1, 2).reshape({members, k, per_member * n});
    return at::bmm(ys, xs.transpose(1, 2));
  }
  return at::bmm(flat_batch(y), flat_batch(x).transpose(1, 2)).view({members, per_member, o, k}).sum(1);
}

}  // namespace nfopt::aten
