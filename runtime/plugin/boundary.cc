#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/plugin/boundary.h>

#include <exception>

namespace nfopt {
namespace {

// "[component] text" in its two halves; nothing when the text has another shape.
bool split(const std::string& what, std::string& component, std::string& text) {
  const size_t end = what.find("] ");
  if (what.empty() || what[0] != '[' || end == std::string::npos) return false;
  component = what.substr(1, end - 1);
  text = what.substr(end + 2);
  return true;
}

}  // namespace

void throw_at_boundary(const std::string& architecture, const char* where, std::string_view text) {
  throw Error("plugins", "'" + architecture + "' failed in " + where + ": " + std::string(text));
}

void rethrow_at_boundary(const std::string& architecture, const char* where) {
  std::string component, text;
  bool own = false;
  try {
    throw;
  } catch (const Error& error) {
    own = split(error.what(), component, text);
    if (!own) text = error.what();
  } catch (const std::exception& error) {
    text = error.what();
  } catch (...) {
    text = "an exception that is not a std::exception";
  }
  if (own) throw Error(component, text);
  throw_at_boundary(architecture, where, text);
}

}  // namespace nfopt
