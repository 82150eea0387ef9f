#pragma once

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>

#include <initializer_list>
#include <string>

namespace nfopt::testing {

/// The text of the Error that `call` throws, "no error" when it throws nothing.
template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// `call` throws an Error whose text contains every part. Returns the text.
template <class Call>
std::string expect_error(Call call, std::initializer_list<std::string> parts) {
  const std::string text = message_of(call);
  EXPECT_NE(text, "no error") << "expected an Error";
  for (const auto& part : parts) EXPECT_TRUE(contains(text, part)) << "'" << part << "' is not in:\n" << text;
  return text;
}

}  // namespace nfopt::testing
