#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/meta/theta_layout.h>
#include <nfopt/runtime/meta/unroll.h>
#include <nfopt/runtime/network/members.h>
#include <nfopt/runtime/optimizers/update_rule.h>
#include <nfopt/runtime/tasks/particle_batches.h>
#include <nfopt/runtime/tasks/task_family.h>
#include <nfopt/runtime/tasks/task_gradient.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace nfopt {

struct NetworkUnrollOptions {
  Rng rng = Rng(0);            ///< of the run: everything below is keyed by purpose and particle
  int64_t first_particle = 0;  ///< global number of particle 0
  int64_t particles = 1;
  int64_t signs = 2;
  bool random_offsets = false;  ///< counters of the first trajectories start anywhere below their horizon
};

/// Training of S*N networks of one shape by an update rule, as one population: the inner problem of meta-training.
///
///   step    loss, gradient on a batch; record the bounded loss; rule->step_in_place; t <- t + 1
///   bound   min(1.5 ln C, max(0, loss)); not-a-number counts as 1.5 ln C. In windows times loss_weight
///
/// * Both signs of a particle have the same initial weights, batches and labels.
/// * A trajectory ends when its counter reaches the horizon. An initial offset shifts the counter only: weights are
///   fresh and the rule's own t starts at 0.
/// * If the family varies in shape, all particles share the horizon, end together and then draw a new shape together;
///   one that ends before the others sits out. Else each restarts by itself.
/// * A member whose loss is not finite has the bound as its loss from then on; its pair ends with the window. Others
///   never see it: members do not mix.
/// * The rule reads t, T and the (unbounded) loss of each member through StepContext.
///
/// Random numbers, r = restarts of the particle: weights (init, particle, r), task (task, first particle, r), variation
/// (variation, particle, r), batches (data, particle, r, t).
class NFOPT_API NetworkUnroll final : public Unroll {
 public:
  /// `layout`: what flat theta means; the rule of every task must agree with it.
  NetworkUnroll(std::shared_ptr<const TaskFamily> family, RuleFactory rules, const ThetaLayout& layout,
                const NetworkUnrollOptions& options);

  int64_t particles() const override { return options_.particles; }
  int64_t signs() const override { return options_.signs; }
  Window run(const at::Tensor& theta, const UnrollPlan& plan) override;
  int64_t restart() override;
  at::Tensor final_losses(int64_t batches) override;
  void copy_positive_to_negative() override;
  std::vector<at::Tensor> carried() const override;
  void set_carried(const std::vector<at::Tensor>& tensors) override;
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;

  const Task& task() const { return *task_; }
  const TaskVariation& variation(int64_t particle) const { return particles_[particle].variation; }
  const Members& members() const { return members_; }
  const Examples& last_batches() const { return batches_->examples(); }
  /// What an inner step costs, in arbitrary units, to start expensive chunks first.
  double cost() const;

 private:
  struct Particle {
    int64_t restarts = 0;
    int64_t steps = 0;    ///< t: since the last restart
    int64_t counter = 0;  ///< t + initial offset; ends at the horizon
    bool ended = false;
    TaskVariation variation;
  };

  int64_t size() const { return options_.signs * options_.particles; }
  Rng particle_rng(const char* purpose, int64_t i) const;
  void adopt_task();  ///< members_, batches_, gradient_, rule_ for the present draw
  void draw_variation(int64_t i);
  void begin_trajectory(int64_t i);
  void begin_all();
  std::vector<bool> restarting(const UnrollPlan& plan, int64_t t) const;
  StepContext context(const at::Tensor& loss) const;
  void draw_batches();
  at::Tensor step(InPlaceSteps& rule);
  at::Tensor differentiable_step(const NamedTensors& theta);
  void replace_rows(at::Tensor& tensor, const at::Tensor& fresh, int64_t i) const;

  std::shared_ptr<const TaskFamily> family_;
  RuleFactory rules_;
  ThetaLayout layout_;
  NetworkUnrollOptions options_;

  std::shared_ptr<const Task> task_;
  std::shared_ptr<const UpdateRule> rule_;
  std::unique_ptr<ParticleBatches> batches_;
  std::unique_ptr<TaskGradient> gradient_;
  Members members_;
  std::vector<int> parameters_;  ///< indices into the members' tensors
  RuleState rule_state_;
  std::vector<Particle> particles_;
  std::vector<bool> diverged_;  ///< [S*N]
};

}  // namespace nfopt
