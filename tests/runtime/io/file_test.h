#pragma once

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace nfopt {

/// A folder of its own per test, gone afterwards.
class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("nfopt-" + std::string(info->test_suite_name()) + "-" + info->name() + "-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~FileTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  size_t files_in_folder() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator()));
  }

  std::filesystem::path folder_;
};

/// `action` throws an Error whose text contains `part`.
template <class Action>
void expect_error(Action action, const std::string& part) {
  try {
    action();
    ADD_FAILURE() << "expected an Error that says '" << part << "'";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

}  // namespace nfopt
