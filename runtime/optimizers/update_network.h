#pragma once

#include <nfopt/runtime/optimizers/network_layer.h>
#include <nfopt/runtime/optimizers/position_embedding.h>

#include <optional>

namespace nfopt {

/// Linear layers with max(0, x) between them: features [P, C, N] -> f [P, C_out, N]. Meta-parameters are named
/// `L<k>.<name>`.
class UpdateNetwork {
 public:
  UpdateNetwork(const NetworkDescription& description, const WeightSpace& space,
                const std::shared_ptr<const ParameterLayout>& layout);

  const std::vector<ThetaShape>& theta_shapes() const { return shapes_; }
  std::vector<at::Tensor> initial_theta(const Rng& rng) const;
  at::Tensor apply(std::span<const at::Tensor> theta, Features x) const;
  /// Of the equivariant layers; null where there are none.
  const Plan* plan() const { return plan_.get(); }

 private:
  std::unique_ptr<NetworkLayer> make_layer(const LayerDescription& layer, const NetworkDescription& description,
                                           const WeightSpace& space,
                                           const std::shared_ptr<const ParameterLayout>& layout);

  struct Entry {
    std::unique_ptr<NetworkLayer> layer;
    std::optional<PositionEmbedding> position;
    bool relu = false;
    size_t first = 0;      ///< of its meta-parameters
    size_t positions = 0;  ///< first of its position embeddings
    size_t last = 0;       ///< one past the end
  };
  std::shared_ptr<const Plan> plan_;
  std::vector<Entry> layers_;
  std::vector<ThetaShape> shapes_;
};

}  // namespace nfopt
