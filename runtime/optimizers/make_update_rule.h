#pragma once

#include <nfopt/runtime/optimizers/rule_description.h>
#include <nfopt/runtime/optimizers/update_rule.h>

#include <memory>

namespace nfopt {

/// The rule that a description says, on a space: ContextRule where it holds a ContextDescription, else LearnedRule.
/// Throws Error("rule", ..) for a description that contradicts itself.
NFOPT_API std::shared_ptr<const UpdateRule> make_update_rule(const RuleDescription& description,
                                                             const WeightSpacePtr& space);

}  // namespace nfopt
