// What one network computes: shapes, dependence on every tensor, gradients.

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/conformance/conformance_test.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace nfopt::conformance {
namespace {

constexpr double kGradientTolerance = 1e-6;  // relative, central differences in float64
constexpr double kStep = 1e-5;

std::string number(double value) {
  std::ostringstream out;
  out.precision(3);
  out << value;
  return out.str();
}

std::string sizes(const at::Tensor& t) {
  std::ostringstream out;
  out << t.sizes();
  return out.str();
}

// A generic scalar of the output. Its weights belong to positions, so that no two outputs cancel by chance.
at::Tensor weighted_sum(const at::Tensor& y, const Rng& rng) {
  return (y * random_normal(y.sizes().vec(), rng.purpose("weights of y"))).sum();
}

// One point and one direction per parameter: the names of the parameters whose derivative disagrees.
std::vector<std::string> wrong_derivatives(const Built& built, const Subject& subject, bool training, const Rng& rng) {
  Members members = random_members(built.space(), *built.network, 2, rng);
  const at::Tensor x = random_input(subject.example, 1, rng.purpose("x"));
  const Pass pass{.training = training, .rng = rng.purpose("pass")};
  const auto loss = [&](const Members& at) {
    Members own(at.space(), at.tensors());
    for (size_t i = 0; i < own.tensors().size(); ++i)  // a training pass writes into buffers
      if (built.space()->tensors()[i].kind == Kind::buffer) own.tensors()[i] = own.tensors()[i].clone();
    return weighted_sum(built.network->forward(own, x, pass), rng);
  };
  for (size_t i = 0; i < members.tensors().size(); ++i)
    if (built.space()->tensors()[i].kind == Kind::parameter) members.tensors()[i].requires_grad_();
  const at::Tensor value = loss(members);
  if (!value.requires_grad()) throw Error("plugin check", "forward() gives an output without gradients.");
  value.backward();

  at::NoGradGuard no_grad;
  std::vector<std::string> wrong;
  for (size_t i = 0; i < members.tensors().size(); ++i) {
    const auto& described = built.space()->tensors()[i];
    if (described.kind == Kind::buffer) continue;
    const at::Tensor parameter = members.tensors()[i];
    const at::Tensor direction =
        random_normal(parameter.sizes().vec(), rng.purpose("direction").purpose(described.name));
    const double analytic = parameter.grad().defined() ? (parameter.grad() * direction).sum().item<double>() : 0.0;
    const auto moved = [&](double by) {
      Members there(members.space(), members.tensors());
      there.tensors()[i] = parameter.detach() + direction * by;
      return loss(there).item<double>();
    };
    const double numeric = (moved(kStep) - moved(-kStep)) / (2 * kStep);
    if (!(std::abs(analytic - numeric) <= kGradientTolerance * std::max(1.0, std::abs(analytic))))
      wrong.push_back("'" + described.name + "': autograd gives " + number(analytic) + ", differences " +
                      number(numeric));
  }
  return wrong;
}

}  // namespace

void check_shapes(const Subject& subject, Findings& findings) {
  const Built built(subject);
  Members empty = Members::zeros(built.space(), 2, at::kDouble);
  for (auto& tensor : empty.tensors()) tensor.fill_(std::numeric_limits<double>::quiet_NaN());
  built.network->initialize(empty, subject.rng);
  std::string left;
  for (size_t i = 0; i < empty.tensors().size(); ++i)
    if (!empty.tensors()[i].isfinite().all().item<bool>())
      left += (left.empty() ? "'" : ", '") + built.space()->tensors()[i].name + "'";
  if (!left.empty()) {
    findings.fail("initialize() does not fill " + left + ".");
    return;
  }

  at::NoGradGuard no_grad;
  Members members = random_members(built.space(), *built.network, 2, subject.rng);
  for (const bool training : {false, true}) {
    const Pass pass{.training = training, .rng = subject.rng.purpose("pass")};
    const char* mode = training ? " in training" : "";
    const at::Tensor y =
        built.network->forward(members, random_input(subject.example, 1, subject.rng.purpose("x")), pass);
    if (y.dim() < 2 || y.size(0) != 2 || y.size(1) != kBatch)
      findings.fail("forward()" + std::string(mode) + " gives shape " + sizes(y) +
                    ": expected [P, B, ..] with P = 2, B = " + std::to_string(kBatch) + ".");
    else if (!y.isfinite().all().item<bool>())
      findings.fail("forward()" + std::string(mode) + " gives numbers that are not finite.");
    else if (y.scalar_type() != at::kDouble)
      findings.fail("forward()" + std::string(mode) + " of float64 parameters gives " +
                    std::string(c10::toString(y.scalar_type())) + ". Keep the parameters' type.");
  }
}

void check_every_tensor_is_used(const Subject& subject, Findings& findings) {
  const Built built(subject);
  Members members = random_members(built.space(), *built.network, 2, subject.rng);
  const at::Tensor x = random_input(subject.example, 2, subject.rng.purpose("x"));
  for (size_t i = 0; i < members.tensors().size(); ++i)
    if (built.space()->tensors()[i].kind == Kind::parameter) members.tensors()[i].requires_grad_();
  weighted_sum(built.network->forward(members, x, Pass{}), subject.rng).backward();

  at::NoGradGuard no_grad;
  Members trained = copy(members);
  built.network->forward(trained, x, {.training = true, .rng = subject.rng.purpose("pass")});
  const at::Tensor y = built.network->forward(members, x, Pass{});
  for (size_t i = 0; i < members.tensors().size(); ++i) {
    const auto& described = built.space()->tensors()[i];
    const at::Tensor& tensor = members.tensors()[i];
    if (described.kind == Kind::parameter) {
      if (!tensor.grad().defined() || largest(tensor.grad()) == 0.0)
        findings.fail("the output does not depend on '" + described.name + "', which describe() lists.");
      continue;
    }
    if (!at::equal(tensor, trained.tensors()[i])) continue;  // written
    Members other = copy(members);
    other.tensors()[i].add_(1.0);
    if (at::equal(built.network->forward(other, x, Pass{}), y))
      findings.note("buffer '" + described.name + "' is neither read nor written.");
  }
}

void check_gradients(const Subject& subject, Findings& findings) {
  const Built built(subject);
  for (const bool training : {false, true}) {
    auto wrong = wrong_derivatives(built, subject, training, subject.rng.purpose("first point"));
    // A step may cross the kink of a relu; a wrong gradient is wrong at another point, too.
    if (!wrong.empty()) wrong = wrong_derivatives(built, subject, training, subject.rng.purpose("second point"));
    for (const auto& line : wrong) findings.fail(line + (training ? " (training)" : ""));
  }
}

}  // namespace nfopt::conformance
