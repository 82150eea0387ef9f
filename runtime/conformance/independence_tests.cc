// What a network must not depend on: the other members, earlier calls, other instances, other threads.

#include <nfopt/runtime/conformance/conformance_test.h>
#include <torch/types.h>

#include <exception>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace nfopt::conformance {
namespace {

constexpr double kMemberTolerance = 1e-11;  // relative, float64, cpu: batched and single products round differently

// Output, gradients of the parameters and buffers after one pass.
struct Computed {
  at::Tensor y;
  std::vector<at::Tensor> tensors;  // the gradient of a parameter (undefined: none), the new value of a buffer
};

Computed compute(const Network& network, const Members& start, const at::Tensor& x, const Pass& pass) {
  at::AutoGradMode with_gradients(true);
  Members members = copy(start);
  const auto& described = members.space()->tensors();
  for (size_t i = 0; i < described.size(); ++i)
    if (described[i].kind == Kind::parameter) members.tensors()[i].requires_grad_();
  Computed computed;
  const at::Tensor y = network.forward(members, x, pass);
  // Squares: their gradient depends on the member's own output, which a plain sum would hide.
  if (y.requires_grad()) y.square().sum().backward();
  computed.y = y.detach();
  for (size_t i = 0; i < described.size(); ++i)
    computed.tensors.push_back(described[i].kind == Kind::parameter ? members.tensors()[i].grad()
                                                                    : members.tensors()[i]);
  return computed;
}

bool equal(const Computed& a, const Computed& b) {
  if (!at::equal(a.y, b.y)) return false;
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    if (a.tensors[i].defined() != b.tensors[i].defined()) return false;
    if (a.tensors[i].defined() && !at::equal(a.tensors[i], b.tensors[i])) return false;
  }
  return true;
}

void compare_members(const Built& built, const Members& three, const at::Tensor& x, const Pass& pass,
                     const std::string& how, Findings& findings) {
  const Computed all = compute(*built.network, three, x, pass);
  const auto& described = built.space()->tensors();
  for (int64_t p = 0; p < three.size(); ++p) {
    const at::Tensor own = x.size(0) == 1 ? x : x.narrow(0, p, 1);
    const Computed one = compute(*built.network, member(three, p), own, pass);
    const auto expect = [&](const at::Tensor& together, const at::Tensor& alone, const std::string& what) {
      const double error = relative_error(together.narrow(0, p, 1), alone);
      if (error <= kMemberTolerance) return true;
      findings.fail(what + " of member " + std::to_string(p) + " of 3 differs from the same network alone (" + how +
                    "): relative error " + error_text(error) + ", limit " + error_text(kMemberTolerance) + ".");
      return false;
    };
    if (!expect(all.y, one.y, "the output")) return;
    for (size_t i = 0; i < described.size(); ++i) {
      if (!all.tensors[i].defined() || !one.tensors[i].defined()) continue;
      const char* what = described[i].kind == Kind::buffer ? "buffer '" : "the gradient of '";
      if (!expect(all.tensors[i], one.tensors[i], what + described[i].name + "'")) return;
    }
  }
}

}  // namespace

void check_members(const Subject& subject, Findings& findings) {
  const Built built(subject);
  const Members three = random_members(built.space(), *built.network, 3, subject.rng);
  const at::Tensor own = random_input(subject.example, 3, subject.rng.purpose("own x"));
  const at::Tensor shared = random_input(subject.example, 1, subject.rng.purpose("shared x"));
  const Pass training{.training = true, .rng = subject.rng.purpose("pass")};
  compare_members(built, three, own, Pass{}, "inputs of its own", findings);
  compare_members(built, three, shared, Pass{}, "one input for all", findings);
  if (training_is_random(built, subject))
    findings.note("training draws random numbers: members are compared in evaluation only.");
  else
    compare_members(built, three, own, training, "training", findings);

  Members first = Members::zeros(built.space(), 1, at::kDouble);
  Members both = Members::zeros(built.space(), 2, at::kDouble);
  built.network->initialize(first, subject.rng);
  built.network->initialize(both, subject.rng);
  for (size_t i = 0; i < first.tensors().size(); ++i)
    if (!at::equal(first.tensors()[i], both.tensors()[i].narrow(0, 0, 1)))
      findings.fail("the initial '" + built.space()->tensors()[i].name +
                    "' of the first member depends on the size of the population.");
}

void check_determinism(const Subject& subject, Findings& findings) {
  const Built built(subject);
  Members first = Members::zeros(built.space(), 2, at::kDouble), second = Members::zeros(built.space(), 2, at::kDouble);
  built.network->initialize(first, subject.rng);
  built.network->initialize(second, subject.rng);
  for (size_t i = 0; i < first.tensors().size(); ++i)
    if (!at::equal(first.tensors()[i], second.tensors()[i]))
      findings.fail("initialize() gives another '" + built.space()->tensors()[i].name +
                    "' for the same seed. Draw from the Rng it is given, and from nothing else.");
  const at::Tensor x = random_input(subject.example, 2, subject.rng.purpose("x"));
  for (const bool training : {false, true}) {
    const Pass pass{.training = training, .rng = subject.rng.purpose("pass")};
    if (!equal(compute(*built.network, first, x, pass), compute(*built.network, first, x, pass)))
      findings.fail(std::string("forward() gives other bits when it is called again with the same seed") +
                    (training ? " (training)." : ".") + " Draw from pass.rng, and from nothing else.");
  }
}

void check_two_instances(const Subject& subject, Findings& findings) {
  const Built first(subject);
  const Members members = random_members(first.space(), *first.network, 2, subject.rng);
  const at::Tensor x = random_input(subject.example, 2, subject.rng.purpose("x"));
  const Pass training{.training = true, .rng = subject.rng.purpose("pass")};
  const Computed before = compute(*first.network, members, x, Pass{});

  const Built second(subject);
  const Members others = random_members(second.space(), *second.network, 3, subject.rng.purpose("others"));
  compute(*second.network, others, random_input(subject.example, 3, subject.rng.purpose("other x")), training);
  if (!equal(compute(*first.network, members, x, Pass{}), before))
    findings.fail("a second network changes what the first one computes: they share state.");
  if (!equal(compute(*second.network, members, x, Pass{}), before))
    findings.fail("two networks of the same options compute different functions of the same parameters.");
  compute(*first.network, members, x, training);
  if (!equal(compute(*first.network, members, x, Pass{}), before))
    findings.fail("a training pass changes the network itself: keep what changes in buffers of the description.");
}

void check_threads(const Subject& subject, Findings& findings) {
  constexpr int kThreads = 4;
  const Built built(subject);
  std::vector<Members> members;
  std::vector<at::Tensor> x;
  std::vector<Computed> alone, together(kThreads);
  const Pass training{.training = true, .rng = subject.rng.purpose("pass")};
  for (int t = 0; t < kThreads; ++t) {
    const Rng rng = subject.rng.index(static_cast<uint64_t>(t));
    members.push_back(random_members(built.space(), *built.network, 2, rng));
    x.push_back(random_input(subject.example, 2, rng.purpose("x")));
    alone.push_back(compute(*built.network, members.back(), x.back(), training));
  }
  std::vector<std::string> problems(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, own = static_cast<size_t>(t)] {
      try {
        for (int round = 0; round < 3; ++round) {
          const Built fresh(subject);  // describe() and network() are called from any thread, too
          together[own] = compute(round == 1 ? *fresh.network : *built.network, members[own], x[own], training);
        }
      } catch (const std::exception& error) {
        problems[own] = error.what();
      }
    });
  for (auto& thread : threads) thread.join();
  for (size_t t = 0; t < kThreads; ++t) {
    if (!problems[t].empty())
      findings.fail("a thread that computes beside others fails: " + problems[t]);
    else if (!equal(alone[t], together[t]))
      findings.fail("a thread that computes beside others gets other bits than alone.");
    else
      continue;
    return;
  }
}

}  // namespace nfopt::conformance
