#pragma once

#include "predictor_run.h"

#include <filesystem>
#include <string>
#include <vector>

/// results.json (all figures), predictions.csv, scatter.svg (the first seed) and curves.svg (validation tau over training,
/// mean and range over the seeds).
void write_report(const nfopt::Zoo& zoo, const std::vector<PredictorRun>& runs, const std::filesystem::path& folder);

/// Kendall tau of every seed, mean and standard error, one line per predictor.
std::string tau_table(const std::vector<PredictorRun>& runs);
