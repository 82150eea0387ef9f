#pragma once

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/plugin/plugin_error.h>

#include <string>

namespace nfopt::testing {

/// The text of the Error that `call` throws; a test failure and "" when it throws nothing.
template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "expected an nfopt::Error";
  return "";
}

template <class Call>
void expect_refusal(PluginError::Reason reason, const std::string& text, Call call) {
  try {
    call();
    ADD_FAILURE() << "expected a PluginError that says '" << text << "'";
  } catch (const PluginError& error) {
    EXPECT_EQ(static_cast<int>(error.reason()), static_cast<int>(reason)) << error.what();
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
  }
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace nfopt::testing
