#include <nfopt/runtime/cli/command_line.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  const int status = nfopt::cli::run(argc, argv);
  std::fflush(nullptr);
  std::_Exit(status);  // LibTorch's static destructors take longer than most commands, and give back nothing
}
