#pragma once

#include <CLI/CLI.hpp>

namespace nfopt::cli {

// The larger subcommands of `nfopt plugin`, each in plugin_<name>_command.cc.
void add_plugin_check(CLI::App& plugin);
void add_plugin_new(CLI::App& plugin);

}  // namespace nfopt::cli
