#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/meta/meta_train.h>
#include <nfopt/runtime/optimizers/rule_description.h>
#include <nfopt/runtime/optimizers/update_rule.h>

#include <filesystem>
#include <string>

namespace nfopt {

/// Draws meta_loss.svg, evaluation.svg and inner_curves.svg of a run's folder from its metrics and evaluations.
NFOPT_API void write_meta_plots(const MetaTrainConfig& config, const MetaTrainResult& result,
                                const std::filesystem::path& folder);

/// The training record that exported files carry, JSON: what was trained how long on what, with the whole config.
/// `selected` is "last" or "best", `step` and `evaluation` those of the theta exported.
NFOPT_API std::string training_record(const MetaTrainConfig& config, const MetaTrainResult& result,
                                      const std::vector<RunPiece>& pieces, const std::string& selected, int64_t step,
                                      const MetaEvaluation& evaluation);

/// Writes summary.json: results, versions, threads, times.
NFOPT_API void write_meta_summary(const MetaTrainConfig& config, const MetaTrainResult& result,
                                  const std::filesystem::path& folder);

/// The table at the end of a run or piece.
NFOPT_API std::string meta_summary_table(const MetaTrainConfig& config, const MetaTrainResult& result,
                                         const std::filesystem::path& folder);

}  // namespace nfopt
