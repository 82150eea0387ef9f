#include <nfopt/runtime/cli/command_line.h>

int main(int argc, char** argv) { return nfopt::cli::run(argc, argv); }
