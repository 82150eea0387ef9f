#include <nfopt/runtime/io/atomic_file.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "tests/runtime/io/file_test.h"

namespace nfopt {
namespace {

class AtomicFile : public FileTest {};

/// Files may have at most `bytes` bytes while this lives: what a full disk looks like to a writer.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    rlimit small = old_;
    small.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit old_{};
};

TEST_F(AtomicFile, HoldsWhatWasWritten) {
  std::string text("a\0b\n", 4);
  text.append(200'000, 'x');
  write_atomically(folder_ / "f", text);
  EXPECT_EQ(read_file(folder_ / "f"), text);
  write_atomically(folder_ / "f", "");
  EXPECT_EQ(read_file(folder_ / "f"), "");
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(AtomicFile, AFullDiskLeavesTheOlderFileAndNoOther) {
  write_atomically(folder_ / "f", "old");
  {
    const SmallDisk disk(4096);
    expect_error([&] { write_atomically(folder_ / "f", std::string(100'000, 'x')); }, {"File too large"});
    // Small enough for the buffer: the failure shows at the final flush only.
    expect_error([&] { write_atomically(folder_ / "f", std::string(5'000, 'x')); }, {"unchanged"});
  }
  EXPECT_EQ(read_file(folder_ / "f"), "old");
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(AtomicFile, AWriterThatThrowsLeavesTheOlderFileAndNoOther) {
  write_atomically(folder_ / "f", "old");
  const auto interrupted = [](std::ostream& out) {
    out << "half";
    throw Error("test", "interrupted");
  };
  expect_error([&] { write_atomically(folder_ / "f", interrupted); }, {"interrupted"});
  EXPECT_EQ(read_file(folder_ / "f"), "old");
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(AtomicFile, AMissingFolderOrAFolderInPlaceOfTheFileIsAnError) {
  expect_error([&] { write_atomically(folder_ / "none" / "f", "x"); }, {"No such file or directory"});
  std::filesystem::create_directories(folder_ / "taken" / "inside");
  expect_error([&] { write_atomically(folder_ / "taken", "x"); }, {"renaming"});
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(AtomicFile, AFolderWithoutPermissionIsAnError) {
  if (::geteuid() == 0) GTEST_SKIP() << "the superuser may write everywhere";
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  expect_error([&] { write_atomically(folder_ / "f", "x"); }, {"Permission denied"});
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
}

TEST_F(AtomicFile, ReadingNamesTheFileAndTheReason) {
  expect_error([&] { read_file(folder_ / "none"); }, {"No such file or directory"});
  expect_error([&] { read_file(folder_); }, {"Is a directory"});
}

}  // namespace
}  // namespace nfopt
