#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

/// One row of a run's record. What was not measured at a step is NaN and stays out of the files.
struct MetricsRow {
  int64_t step = 0;
  std::vector<double> values;  ///< one per column of the log
};

/// The record of a run: `metrics.jsonl` and `metrics.csv` in its folder, one row per logged step.
///
/// Rows hold nothing but what the computation determines (no times), so that a run that was interrupted and resumed
/// leaves the same bytes as one that was not.
class NFOPT_API MetricsLog {
 public:
  /// Continues the files in `folder`: rows after `last_step` (and a line cut short by a crash) are dropped, earlier
  /// ones kept. `last_step` = -1 begins anew. Throws Error when the kept rows have other columns.
  MetricsLog(const std::filesystem::path& folder, std::vector<std::string> columns, int64_t last_step);
  ~MetricsLog();

  void write(const MetricsRow& row);
  void sync();

  /// All rows, the kept ones included.
  const std::vector<MetricsRow>& rows() const { return rows_; }
  const std::vector<std::string>& columns() const { return columns_; }
  /// The steps and values of one column, where it was measured.
  void column(std::string_view name, std::vector<double>& steps, std::vector<double>& values) const;

 private:
  struct Files;
  std::vector<std::string> columns_;
  std::vector<MetricsRow> rows_;
  std::unique_ptr<Files> files_;
};

/// Rows of a `metrics.csv`, through `last_step`; an empty list for a missing file.
NFOPT_API std::vector<MetricsRow> read_metrics(const std::filesystem::path& csv,
                                               const std::vector<std::string>& columns,
                                               int64_t last_step = std::numeric_limits<int64_t>::max());

}  // namespace nfopt
