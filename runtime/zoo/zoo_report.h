#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/zoo/train_zoo.h>
#include <nfopt/runtime/zoo/zoo_config.h>

#include <filesystem>
#include <string>

namespace nfopt {

/// Writes networks.csv, networks.json, accuracy.svg and summary.json of a finished zoo. All but the summary hold nothing
/// but what the config decides.
NFOPT_API void write_zoo_report(const ZooConfig& config, const ZooResult& result, const std::filesystem::path& folder);

/// The zoo for a person, some lines.
NFOPT_API std::string zoo_summary_table(const ZooConfig& config, const ZooResult& result,
                                        const std::filesystem::path& folder);

}  // namespace nfopt
