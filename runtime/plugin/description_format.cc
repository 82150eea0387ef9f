#include <nfopt/runtime/plugin/description_format.h>

namespace nfopt {
namespace {

// A function's static: other files' static objects register themselves in any order.
std::vector<DescriptionFormat>& formats() {
  static auto* list = new std::vector<DescriptionFormat>();
  return *list;
}

}  // namespace

const std::vector<DescriptionFormat>& description_formats() { return formats(); }

const DescriptionFormat* description_format(const std::filesystem::path& file) {
  for (const auto& format : formats())
    if (file.extension() == format.extension) return &format;
  return nullptr;
}

RegisterDescriptionFormat::RegisterDescriptionFormat(const DescriptionFormat& format) { formats().push_back(format); }

}  // namespace nfopt
