#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/meta/meta_train_config.h>
#include <nfopt/runtime/train/run_folder.h>

#include <filesystem>
#include <string>

namespace nfopt {

/// For the run folder: a resumed run may differ in what does not change the numbers of the common steps.
NFOPT_API RunIdentity identity_of(const MetaTrainConfig& config);

/// What must be the same on all ranks, YAML: the version, and the config without what is a machine's own affair.
NFOPT_API std::string common_to_ranks(const MetaTrainConfig& config);

/// runs/<name>-<rule>-seed<k>
NFOPT_API std::filesystem::path default_meta_folder(const MetaTrainConfig& config);

}  // namespace nfopt
