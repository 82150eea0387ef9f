// A fuzz target without a fuzzer: every input of the folders and files named on the command line, every beginning of it,
// and copies with a few bytes changed, the same ones in every run. It needs no clang, so the corpus is tried wherever
// nfopt is built; scripts/fuzz searches for new inputs.

#include <nfopt/nflayers/random/rng.h>
#include <tests/fuzz/fuzz.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

constexpr int kChangedCopies = 500;  // per input
constexpr size_t kMostBeginnings = 2000;

std::vector<fs::path> files_of(int argc, char** argv) {
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      files.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(argv[i])) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string changed(std::string input, const nfopt::Rng& rng) {
  const int64_t changes = 1 + rng.integer(0, 4);
  for (int64_t i = 0; i < changes && !input.empty(); ++i) {
    const nfopt::Rng draw = rng.index(static_cast<uint64_t>(i));
    const auto at = static_cast<size_t>(draw.integer(0, static_cast<int64_t>(input.size())));
    const char byte = static_cast<char>(draw.integer(1, 256));
    const int64_t kind = draw.integer(2, 4);
    if (kind == 0)
      input.erase(at, static_cast<size_t>(draw.integer(3, 8)));
    else if (kind == 1)
      input.insert(at, 1, byte);
    else if (kind == 2)
      input.insert(at, input.substr(static_cast<size_t>(draw.integer(3, static_cast<int64_t>(input.size()))), 16));
    else
      input[at] = byte;
  }
  return input;
}

// The input of a defect is written to a file that the message names.
void try_input(const std::string& input, const std::string& origin) {
  try {
    nfopt::fuzz(input);
  } catch (const std::exception& error) {
    const std::string file = "defect-" + origin;
    std::ofstream(file, std::ios::binary) << input;
    std::fprintf(stderr, "An input made from '%s' ends in an exception that is no nfopt::Error: %s\nIt is in '%s'.\n",
                 origin.c_str(), error.what(), file.c_str());
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto files = files_of(argc, argv);
  if (files.empty()) {
    std::fprintf(stderr, "No input: name files or folders, such as tests/fuzz/corpus/yaml.\n");
    return 2;
  }
  size_t inputs = 0;
  for (const auto& file : files) {
    const std::string origin = file.filename().string();
    std::printf("%s\n", file.c_str());  // what was tried last, should the process not come to its end
    std::fflush(stdout);
    std::ifstream stream(file, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    if (!stream) {
      std::fprintf(stderr, "'%s' cannot be read.\n", file.c_str());
      return 2;
    }
    for (size_t length = 0; length <= std::min(input.size(), kMostBeginnings); ++length, ++inputs)
      try_input(input.substr(0, length), origin);
    const nfopt::Rng rng = nfopt::Rng(20261122).purpose(origin);
    for (uint64_t copy = 0; copy < kChangedCopies; ++copy, ++inputs) try_input(changed(input, rng.index(copy)), origin);
  }
  std::printf("%zu inputs of %zu files, no defect\n", inputs, files.size());
  return 0;
}
