#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/process_group.h>

#include <charconv>
#include <cstdlib>
#include <vector>

namespace nfopt {
namespace {

struct Names {
  const char* rank;
  const char* size;
};
constexpr Names kLaunchers[] = {{"RANK", "WORLD_SIZE"},
                                {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                {"PMI_RANK", "PMI_SIZE"},
                                {"SLURM_PROCID", "SLURM_NTASKS"}};

std::optional<int64_t> as_number(const std::string& text) {
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace

ProcessGroup read_process_group(const std::function<std::optional<std::string>(const std::string&)>& variable) {
  std::vector<std::string> problems;
  const auto number = [&](const char* name, int64_t low, int64_t high, int64_t fallback) {
    const std::optional<std::string> text = variable(name);
    if (!text) return fallback;
    const std::optional<int64_t> value = as_number(*text);
    if (value && *value >= low && *value <= high) return *value;
    problems.push_back(std::string(name) + ": expected an integer from " + std::to_string(low) + " to " +
                       std::to_string(high) + ", received '" + *text + "'.");
    return fallback;
  };

  ProcessGroup group;
  for (const Names& names : kLaunchers) {
    const bool rank = variable(names.rank).has_value(), size = variable(names.size).has_value();
    if (!rank && !size) continue;
    if (!rank || !size) {
      // mpirun and srun set theirs in pairs; half of RANK and WORLD_SIZE is a launch script that forgot one.
      problems.push_back(std::string(rank ? names.rank : names.size) + " is set, " + (rank ? names.size : names.rank) +
                         " is not. Set both or neither.");
      break;
    }
    group.size = number(names.size, 1, 1 << 16, 1);
    group.rank = number(names.rank, 0, group.size - 1, 0);
    break;
  }
  if (group.size > 1) {
    group.address = variable("MASTER_ADDR").value_or("");
    if (group.address.empty())
      problems.push_back("there are " + std::to_string(group.size) +
                         " processes, but MASTER_ADDR is not set. Set it to the host of rank 0 (127.0.0.1 when all run "
                         "on one machine), or start one process only.");
    group.port = static_cast<uint16_t>(number("MASTER_PORT", 1, 65535, group.port));
    group.store_exists = variable("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True";
    group.prefix += "/" + variable("TORCHELASTIC_RESTART_COUNT").value_or("0");
  }
  if (problems.empty()) return group;
  std::string text = "the environment describes no group of processes:";
  for (const std::string& problem : problems) text += "\n  " + problem;
  throw Error("communicator", text);
}

ProcessGroup process_group_from_environment() {
  return read_process_group([](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return {};
    return value;
  });
}

}  // namespace nfopt
