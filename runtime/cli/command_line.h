#pragma once

namespace nfopt::cli {

/// The `nfopt` command with its arguments; returns the exit status: 0 done, 1 a check failed or an internal error,
/// 2 wrong input or use, 130 and 143 stopped by Ctrl-C or SIGTERM with everything saved.
/// A function of its own, so that tests run the command in a fork and do not load LibTorch a hundred times.
int run(int argc, char** argv);

}  // namespace nfopt::cli
