#pragma once

#include <nfopt/nflayers/kernels/cpu/mixing.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace nfopt::cpu {

/// What one channel of the features is.
enum class Channel : uint8_t { parameter, gradient, momentum };

/// From the network's outputs y to u.
enum class StepKind : uint8_t {
  momentum,         ///< u = a (b y + m), m one of the momenta
  own_momentum,     ///< mom <- mom + w (g - mom),  u = a (b y + mom)
  exponential,      ///< u = a y_0 exp(b y_1)
  scaled_gradient,  ///< u = a exp(y) g
};

/// Everything of a fused step that does not change between steps.
struct FusedDescription {
  std::vector<Channel> channels;  ///< of the features in order; momenta in the order of `decays`
  std::vector<double> decays;
  double clip = 0;              ///< infinity: none
  bool one_scale = true;        ///< one RMS scale per parameter, otherwise one per parameter and channel
  double epsilon = 0;           ///< of the RMS scale
  int64_t constants = 0;        ///< channels after those, the same number everywhere
  std::vector<int64_t> hidden;  ///< widths of the layers max(0, x w + b); the last is Mixing::in_channels
  StepKind kind = StepKind::momentum;
  int64_t decay = 0;            ///< which of the momenta StepKind::momentum takes
  std::vector<int64_t> numels;  ///< of the parameters, which lie end to end along the flat axis
  Mixing mixing;
};

/// Tensors of P members: member p starts `step` numbers after member p - 1, a step of 0 shares one.
template <class T>
struct PerMember {
  T* data = nullptr;
  int64_t step = 0;

  T* of(int64_t member) const { return data + member * step; }
};

/// Meta-parameters.
template <class T>
struct ThetaArguments {
  int64_t members = 1;
  /// w [in, out] and b [out] of every hidden layer, then the parameters that Mixing::packed counts, end to end.
  std::vector<PerMember<const T>> body, mixing;
  std::vector<int64_t> mixing_numels;
};

/// What one step reads and writes.
template <class T>
struct StepArguments {
  int64_t members = 1;
  PerMember<const T> theta;                       ///< as FusedStep::pack leaves it
  std::vector<double> constants;                  ///< [P|1, constants]
  std::vector<double> a, b, w;                    ///< [P|1] of the step
  std::vector<PerMember<const T>> params, grads;  ///< contiguous, one per parameter
  std::vector<PerMember<T>> outputs;              ///< u goes there, or is subtracted from what is there
  bool subtract = false;
  PerMember<const T> old_momenta;        ///< [decays, N]
  PerMember<T> momenta;                  ///< [decays, N]; may be the same memory
  PerMember<const T> old_step_momentum;  ///< [N], StepKind::own_momentum only
  PerMember<T> step_momentum;
};

/// One optimizer step for networks of pointwise hidden layers and one mixing layer, in three passes over the
/// parameters. No hidden channel is stored for all of them (docs/optimizers.md, "The fused CPU step").
///
///   1  momenta; sum of squares of every parameter
///   2  hidden channels of 48 elements at a time, in the first-level cache; one scalar per element and sums over rows,
///      columns, .. are kept
///   3  mixed sums are broadcast and the step is taken
///
/// Tiles and trees of sums are fixed by the shapes: neither the number of threads nor the number of members changes a
/// bit. Members never mix. TBB tasks: one per member, or for few members of large networks one per chunk of elements;
/// none below that, so that a small step inside a caller's task stays there.
/// [any-thread] immutable.
class NFOPT_API FusedStep {
 public:
  explicit FusedStep(FusedDescription description);
  ~FusedStep();

  const FusedDescription& description() const;
  /// Numbers of a member's meta-parameters, packed for the kernels; a multiple of 64 bytes.
  int64_t packed_numbers() const;
  /// `packed` [P, packed_numbers()] is aligned to 64 bytes. Worth doing once for many steps: it costs a few percent of one
  /// on a network of some thousand parameters.
  template <class T>
  void pack(const ThetaArguments<T>& theta, T* packed) const;
  /// Bytes of workspace that a call with numbers of this size needs now; it depends on the threads TBB would use.
  int64_t workspace(int64_t members, int64_t number_size) const;
  /// `workspace` is aligned to 64 bytes and has at least workspace(1, ..) bytes; more let more threads work.
  template <class T>
  void operator()(const StepArguments<T>& arguments, void* workspace, int64_t bytes) const;

 private:
  struct Layout;
  std::unique_ptr<const Layout> layout_;
};

}  // namespace nfopt::cpu
