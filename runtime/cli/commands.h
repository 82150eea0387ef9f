#pragma once

#include <CLI/CLI.hpp>

namespace nfopt::cli {

// One function per command; each lives in <command>_command.cc, adds its subcommand with a callback, and returns.
// A callback reports what the user did wrong by throwing nfopt::Error: run() prints it and returns with status 2. Another
// status is CLI::RuntimeError(status), after the callback has said what happened.
void add_version(CLI::App& app);
void add_plugin(CLI::App& app);
void add_spec(CLI::App& app);
void add_train(CLI::App& app);
void add_meta_train(CLI::App& app);
void add_compare(CLI::App& app);
void add_zoo(CLI::App& app);
void add_checkpoint(CLI::App& app);

}  // namespace nfopt::cli
