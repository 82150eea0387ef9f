#include <nfopt/runtime/optimizers/context_rule.h>
#include <nfopt/runtime/optimizers/learned_rule.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>

namespace nfopt {

std::shared_ptr<const UpdateRule> make_update_rule(const RuleDescription& description, const WeightSpacePtr& space) {
  if (description.context) return std::make_shared<const ContextRule>(*description.context, space);
  return std::make_shared<const LearnedRule>(description, space);
}

}  // namespace nfopt
