#pragma once

#include <nfopt/runtime/plugin/plugin_error.h>

#include <string>

#include "tests/errors.h"

namespace nfopt::testing {

/// `call` throws a PluginError of this kind that says `text`.
template <class Call>
void expect_refusal(PluginError::Reason reason, const std::string& text, Call call) {
  try {
    call();
    ADD_FAILURE() << "expected a PluginError that says '" << text << "'";
  } catch (const PluginError& error) {
    EXPECT_EQ(static_cast<int>(error.reason()), static_cast<int>(reason)) << error.what();
    EXPECT_TRUE(contains(error.what(), text)) << error.what();
  }
}

}  // namespace nfopt::testing
