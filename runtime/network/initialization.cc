#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/network/initialization.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace nfopt {
namespace {

// Deviation of a standard normal truncated at +-2.
constexpr double kTruncatedDeviation = 0.87962566103423978;

struct Fans {
  double in = 1;
  double out = 1;
};

Fans fans_of(const at::Tensor& weight) {  // one member: [out, in, kernel..]
  if (weight.dim() < 2) {
    throw Error("network", "A weight has at least two axes [out, in]: received rank " + std::to_string(weight.dim()) +
                               ". Initialize it as a bias.");
  }
  const double kernel = static_cast<double>(weight[0][0].numel());
  return {static_cast<double>(weight.size(1)) * kernel, static_cast<double>(weight.size(0)) * kernel};
}

void fill_orthogonal(at::Tensor& weight, const Rng& rng) {
  const int64_t rows = weight.size(0), columns = weight.numel() / std::max<int64_t>(rows, 1);
  at::Tensor normal = at::empty({std::max(rows, columns), std::min(rows, columns)}, at::kDouble);
  fill_normal(normal, rng, 0.0, 1.0);
  auto [q, r] = at::linalg_qr(normal);
  q = q * at::sign(at::diagonal(r));  // makes the distribution uniform: QR alone fixes the signs of R
  weight.copy_((rows < columns ? q.t() : q).reshape(weight.sizes()));
}

using Fill = void (*)(at::Tensor& weight, const Fans&, const Rng&);

void fill_uniform_variance(at::Tensor& weight, double variance, const Rng& rng) {
  const double bound = std::sqrt(3.0 * variance);
  fill_uniform(weight, rng, -bound, bound);
}

const std::pair<const char*, Fill> kSchemes[] = {
    {"pytorch",
     [](at::Tensor& w, const Fans& f, const Rng& rng) { fill_uniform_variance(w, 1.0 / (3.0 * f.in), rng); }},
    {"lecun_normal",
     [](at::Tensor& w, const Fans& f, const Rng& rng) {
       fill_truncated_normal(w, rng, 1.0 / std::sqrt(f.in) / kTruncatedDeviation);
     }},
    {"haiku",
     [](at::Tensor& w, const Fans& f, const Rng& rng) { fill_truncated_normal(w, rng, 1.0 / std::sqrt(f.in)); }},
    {"he_normal",
     [](at::Tensor& w, const Fans& f, const Rng& rng) { fill_normal(w, rng, 0.0, std::sqrt(2.0 / f.in)); }},
    {"he_uniform", [](at::Tensor& w, const Fans& f, const Rng& rng) { fill_uniform_variance(w, 2.0 / f.in, rng); }},
    {"xavier_normal",
     [](at::Tensor& w, const Fans& f, const Rng& rng) { fill_normal(w, rng, 0.0, std::sqrt(2.0 / (f.in + f.out))); }},
    {"xavier_uniform",
     [](at::Tensor& w, const Fans& f, const Rng& rng) { fill_uniform_variance(w, 2.0 / (f.in + f.out), rng); }},
    {"orthogonal", [](at::Tensor& w, const Fans&, const Rng& rng) { fill_orthogonal(w, rng); }},
    {"zeros", [](at::Tensor& w, const Fans&, const Rng&) { w.zero_(); }},
};

Fill scheme_of(const std::string& name) {
  for (const auto& [known, fill] : kSchemes) {
    if (name == known) return fill;
  }
  throw Error("network", "No initialization '" + name + "'." + known_names(name, initialization_names()));
}

template <class FillMember>
void for_each_member(Members& members, std::string_view name, const Rng& rng, FillMember fill) {
  at::NoGradGuard no_grad;
  const at::Tensor& all = members[name];
  const Rng named = rng.purpose(members.full_name(name));
  for (int64_t p = 0; p < members.size(); ++p) {
    at::Tensor one = all[p];
    fill(one, named.index(static_cast<uint64_t>(p)));
  }
}

}  // namespace

std::vector<std::string> initialization_names() {
  std::vector<std::string> names;
  for (const auto& [name, fill] : kSchemes) names.push_back(name);
  return names;
}

void initialize_weight(Members& members, std::string_view name, const std::string& scheme, const Rng& rng) {
  const Fill fill = scheme_of(scheme);
  for_each_member(members, name, rng, [&](at::Tensor& weight, const Rng& own) { fill(weight, fans_of(weight), own); });
}

void initialize_bias(Members& members, std::string_view name, const std::string& scheme, int64_t fan_in,
                     const Rng& rng) {
  scheme_of(scheme);
  const double bound = scheme == "pytorch" ? 1.0 / std::sqrt(static_cast<double>(fan_in)) : 0.0;
  for_each_member(members, name, rng,
                  [&](at::Tensor& bias, const Rng& own) { fill_uniform(bias, own, -bound, bound); });
}

void initialize_normal(Members& members, std::string_view name, double stddev, const Rng& rng) {
  for_each_member(members, name, rng, [&](at::Tensor& t, const Rng& own) { fill_normal(t, own, 0.0, stddev); });
}

void initialize_uniform(Members& members, std::string_view name, double bound, const Rng& rng) {
  for_each_member(members, name, rng, [&](at::Tensor& t, const Rng& own) { fill_uniform(t, own, -bound, bound); });
}

void initialize_constant(Members& members, std::string_view name, double value) {
  at::NoGradGuard no_grad;
  members[name].fill_(value);
}

}  // namespace nfopt
