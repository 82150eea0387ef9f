#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/safetensors.h>
#include <nfopt/runtime/train/checkpoint.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace nfopt {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "nfopt run checkpoint 1";

// "step-000001200.safetensors" -> 1200
std::optional<int64_t> step_of(const std::string& name) {
  const std::string prefix = "step-", suffix = ".safetensors";
  if (!name.starts_with(prefix) || !name.ends_with(suffix) || name.size() <= prefix.size() + suffix.size()) return {};
  const char* begin = name.data() + prefix.size();
  const char* end = name.data() + name.size() - suffix.size();
  int64_t step = 0;
  const auto [stop, code] = std::from_chars(begin, end, step);
  if (code != std::errc() || stop != end) return {};
  return step;
}

Checkpoint read(const fs::path& path) {
  const SafetensorsFile file = read_safetensors(path);
  const auto entry = [&](const std::string& key) {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end())
      throw Error("checkpoint", "'" + path.string() + "' is no run checkpoint: its metadata lack '" + key + "'.");
    return found->second;
  };
  if (entry("format") != kFormat)
    throw Error("checkpoint",
                "'" + path.string() + "': expected format '" + kFormat + "', received '" + entry("format") + "'.");
  Checkpoint checkpoint;
  const std::string step = entry("step");
  const auto [stop, code] = std::from_chars(step.data(), step.data() + step.size(), checkpoint.step);
  if (code != std::errc() || stop != step.data() + step.size() || checkpoint.step < 0)
    throw Error("checkpoint", "'" + path.string() + "': expected a step count, received '" + step + "'.");
  checkpoint.config = entry("config");
  for (const auto& [name, tensor] : file.tensors) checkpoint.tensors.add(name, tensor);
  return checkpoint;
}

}  // namespace

NamedTensors Checkpoint::group(const std::string& group) const {
  const std::string prefix = group + ".";
  NamedTensors out;
  for (const auto& [name, tensor] : tensors)
    if (name.starts_with(prefix)) out.add(name.substr(prefix.size()), tensor);
  return out;
}

void Checkpoint::add_group(const std::string& group, const NamedTensors& from) {
  for (const auto& [name, tensor] : from) tensors.add(group + "." + name, tensor);
}

fs::path CheckpointFolder::file(int64_t step) const {
  char name[64];
  std::snprintf(name, sizeof name, "step-%09lld.safetensors", static_cast<long long>(step));
  return folder_ / name;
}

std::vector<int64_t> CheckpointFolder::steps() const {
  std::vector<int64_t> steps;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, code))
    if (const auto step = step_of(entry.path().filename().string())) steps.push_back(*step);
  std::sort(steps.begin(), steps.end());
  return steps;
}

void CheckpointFolder::save(const Checkpoint& checkpoint) const {
  SafetensorsFile out;
  out.metadata = {{"format", kFormat}, {"step", std::to_string(checkpoint.step)}, {"config", checkpoint.config}};
  for (const auto& [name, tensor] : checkpoint.tensors)
    out.tensors.emplace_back(name, tensor.detach().to(at::kCPU).contiguous());
  write_safetensors(file(checkpoint.step), out);

  std::vector<int64_t> old = steps();
  while (static_cast<int64_t>(old.size()) > keep_) {
    std::error_code code;
    fs::remove(file(old.front()), code);  // one that cannot be removed costs space, not the run
    old.erase(old.begin());
  }
}

CheckpointFolder::Found CheckpointFolder::newest() const {
  Found found;
  const std::vector<int64_t> all = steps();
  for (auto step = all.rbegin(); step != all.rend(); ++step) {
    try {
      found.checkpoint = read(file(*step));
      return found;
    } catch (const Error& error) {
      found.notices.push_back(error.what());
    }
  }
  if (found.notices.empty()) return found;
  std::string text = "no checkpoint in '" + folder_.string() + "' can be read:";
  for (const std::string& notice : found.notices) text += "\n  " + notice;
  throw Error("checkpoint", text + "\n  Remove the folder to begin anew.");
}

}  // namespace nfopt
