// The YAML reader, and the architectures described in YAML. Input: a document.

#include <nfopt/nflayers/spec/text.h>
#include <nfopt/runtime/io/weight_space_yaml.h>
#include <tests/fuzz/fuzz.h>

namespace nfopt {
namespace {

void description_round_trip(const YamlValue& document) {
  const auto architecture = answer([&] { return architecture_from_yaml(document, "fuzz.yaml"); });
  if (!architecture) return;
  const ArchitectureInfo info = (*architecture)->info();
  const auto space =
      answer([&] { return WeightSpace((*architecture)->describe(Options(info.name, info.options, {}))); });
  if (!space) return;
  const auto yaml = answer([&] { return to_yaml(*space, info.name); });  // refused: braces in a name
  if (!yaml) return;
  const ArchitecturePtr back = architecture_from_yaml(parse_yaml(*yaml, "again.yaml"), "again.yaml");
  require(to_text(WeightSpace(back->describe({}))) == to_text(*space), "a weight space comes back from its YAML");
}

}  // namespace

void fuzz(std::string_view input) {
  const auto document = answer([&] { return parse_yaml(input, "fuzz.yaml"); });
  if (!document) return;
  const std::string text = to_yaml(*document);
  require(to_yaml(parse_yaml(text, "again.yaml")) == text, "a document comes back from its text");
  describes_tensors(*document);
  description_round_trip(*document);
  answer([&] {  // the document once more as the value of a command line's --set
    YamlValue root = *document;
    apply_override(root, input.substr(0, 256));
    return root;
  });
}

}  // namespace nfopt
