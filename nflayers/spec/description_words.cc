#include <nfopt/nflayers/spec/description_words.h>

#include <array>

namespace nfopt {
namespace {

constexpr std::array<const char*, 2> kKinds{"parameter", "buffer"};
constexpr std::array<const char*, 6> kRoles{"weight", "table", "bias", "scale", "stat", "other"};
constexpr std::array<const char*, 3> kSlots{"o", "i", "x"};
constexpr std::array<const char*, 3> kLabelTypes{"plain", "ordered", "fixed"};

template <class Enumeration, size_t n>
std::optional<Enumeration> find(const std::array<const char*, n>& words, std::string_view word) {
  for (size_t i = 0; i < n; ++i)
    if (word == words[i]) return static_cast<Enumeration>(i);
  return {};
}

}  // namespace

const char* to_word(Kind kind) { return kKinds.at(static_cast<size_t>(kind)); }
const char* to_word(Role role) { return kRoles.at(static_cast<size_t>(role)); }
const char* to_word(Slot slot) { return kSlots.at(static_cast<size_t>(slot)); }
const char* to_word(LabelType type) { return kLabelTypes.at(static_cast<size_t>(type)); }

std::optional<Kind> find_kind(std::string_view word) { return find<Kind>(kKinds, word); }
std::optional<Role> find_role(std::string_view word) { return find<Role>(kRoles, word); }
std::optional<Slot> find_slot(std::string_view word) { return find<Slot>(kSlots, word); }

std::vector<std::string> kind_words() { return {kKinds.begin(), kKinds.end()}; }
std::vector<std::string> role_words() { return {kRoles.begin(), kRoles.end()}; }

}  // namespace nfopt
