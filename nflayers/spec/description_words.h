#pragma once

#include <nfopt/nflayers/spec/tensor_description.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

/// The words that text and YAML use for the enumerations of a description.
NFOPT_API const char* to_word(Kind kind);       ///< parameter, buffer
NFOPT_API const char* to_word(Role role);       ///< weight, table, bias, scale, stat, other
NFOPT_API const char* to_word(Slot slot);       ///< o, i, x
NFOPT_API const char* to_word(LabelType type);  ///< plain, ordered, fixed

/// The way back; nothing for a word that is none of them.
NFOPT_API std::optional<Kind> find_kind(std::string_view word);
NFOPT_API std::optional<Role> find_role(std::string_view word);
NFOPT_API std::optional<Slot> find_slot(std::string_view word);

/// All words of one enumeration, for messages about a miss.
NFOPT_API std::vector<std::string> kind_words();
NFOPT_API std::vector<std::string> role_words();

}  // namespace nfopt
