#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/cli/command_line.h>
#include <nfopt/runtime/cli/commands.h>
#include <nfopt/runtime/version.h>

#include <csignal>
#include <cstdio>
#include <exception>

namespace nfopt::cli {

void add_version(CLI::App& app) { app.set_version_flag("--version", std::string("nfopt ") + version()); }

int run(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file that grows too large is an error of write(), as a full disk is

  CLI::App app{"nfopt: learned optimizers that see the whole weight space"};
  app.require_subcommand(1);
  add_version(app);
  add_plugin(app);
  add_spec(app);
  add_train(app);
  add_meta_train(app);
  add_compare(app);
  add_zoo(app);
  add_checkpoint(app);

  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& error) {
    return error.get_exit_code();
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "[nfopt] internal error: %s\n", error.what());
    return 1;
  }
}

}  // namespace nfopt::cli
