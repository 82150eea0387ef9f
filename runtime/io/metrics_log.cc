#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/append_file.h>
#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/io/metrics_log.h>
#include <nfopt/runtime/io/yaml_reader.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>

namespace nfopt {
namespace {

// JSON has no infinity: such a value is written as null there and as inf in the CSV.
std::string json_line(const std::vector<std::string>& columns, const MetricsRow& row) {
  std::string line = "{\"step\": " + std::to_string(row.step);
  for (size_t i = 0; i < columns.size(); ++i) {
    if (std::isnan(row.values[i])) continue;
    line += ", \"" + columns[i] + "\": " + (std::isfinite(row.values[i]) ? shortest(row.values[i]) : "null");
  }
  return line + "}";
}

std::string csv_line(const MetricsRow& row) {
  std::string line = std::to_string(row.step);
  for (const double value : row.values) line += "," + (std::isnan(value) ? std::string() : shortest(value));
  return line;
}

std::string csv_header(const std::vector<std::string>& columns) {
  std::string line = "step";
  for (const std::string& column : columns) line += "," + column;
  return line;
}

std::optional<double> parse_double(std::string_view text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

// Nothing for a line that was cut short by a crash.
std::optional<MetricsRow> parse_row(std::string_view line, size_t columns) {
  std::vector<double> cells;
  for (size_t begin = 0; begin <= line.size();) {
    const size_t comma = std::min(line.find(',', begin), line.size());
    const std::string_view cell = line.substr(begin, comma - begin);
    const auto value = cell.empty() ? std::optional(std::nan("")) : parse_double(cell);
    if (!value) return {};
    cells.push_back(*value);
    begin = comma + 1;
  }
  if (cells.size() != columns + 1 || !(cells[0] >= 0)) return {};
  return MetricsRow{static_cast<int64_t>(cells[0]), {cells.begin() + 1, cells.end()}};
}

}  // namespace

struct MetricsLog::Files {
  AppendFile jsonl;
  AppendFile csv;
};

MetricsLog::MetricsLog(const std::filesystem::path& folder, std::vector<std::string> columns, int64_t last_step)
    : columns_(std::move(columns)) {
  const std::filesystem::path csv = folder / "metrics.csv";
  const std::filesystem::path jsonl = folder / "metrics.jsonl";
  if (last_step >= 0) rows_ = read_metrics(csv, columns_, last_step);

  // Both files are written anew from the kept rows: whatever a crash left at their ends is gone, and they agree.
  write_atomically(csv, [&](std::ostream& out) {
    out << csv_header(columns_) << "\n";
    for (const MetricsRow& row : rows_) out << csv_line(row) << "\n";
  });
  write_atomically(jsonl, [&](std::ostream& out) {
    for (const MetricsRow& row : rows_) out << json_line(columns_, row) << "\n";
  });
  files_.reset(new Files{AppendFile(jsonl), AppendFile(csv)});
}

MetricsLog::~MetricsLog() = default;

void MetricsLog::write(const MetricsRow& row) {
  files_->jsonl.append(json_line(columns_, row) + "\n");
  files_->csv.append(csv_line(row) + "\n");
  rows_.push_back(row);
}

void MetricsLog::sync() {
  files_->jsonl.sync();
  files_->csv.sync();
}

void MetricsLog::column(std::string_view name, std::vector<double>& steps, std::vector<double>& values) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  if (found == columns_.end()) throw Error("log", "no column '" + std::string(name) + "'.");
  const auto index = static_cast<size_t>(found - columns_.begin());
  for (const MetricsRow& row : rows_) {
    if (std::isnan(row.values[index])) continue;
    steps.push_back(static_cast<double>(row.step));
    values.push_back(row.values[index]);
  }
}

std::vector<MetricsRow> read_metrics(const std::filesystem::path& csv, const std::vector<std::string>& columns,
                                     int64_t last_step) {
  std::error_code code;
  if (!std::filesystem::exists(csv, code)) return {};
  std::istringstream in(read_file(csv));
  std::string line;
  if (!std::getline(in, line)) return {};
  if (line != csv_header(columns))
    throw Error("log", "'" + csv.string() + "' has other columns: expected '" + csv_header(columns) + "', received '" +
                           line.substr(0, 200) + "'.");
  std::vector<MetricsRow> rows;
  while (std::getline(in, line)) {
    std::optional<MetricsRow> row = parse_row(line, columns.size());
    if (!row || row->step > last_step) break;
    rows.push_back(std::move(*row));
  }
  return rows;
}

}  // namespace nfopt
