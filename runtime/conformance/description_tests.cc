// What can be said about a description without computing anything.

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/text.h>
#include <nfopt/runtime/conformance/conformance_test.h>
#include <nfopt/runtime/io/weight_space_yaml.h>
#include <nfopt/runtime/io/yaml_reader.h>

#include <algorithm>
#include <set>

namespace nfopt::conformance {
namespace {

// A value of a type that nothing converts to `type`.
OptionValue misfit(Option::Type type) {
  if (type == Option::Type::text) return int64_t{3};
  return std::string("misfit");
}

// Numbers that only a careless describe() mishandles: it may refuse them, or describe something. True when nobody but
// the axis language refuses one.
bool only_axes_refuse(const Subject& subject, const Option& option) {
  bool unnamed = false;
  for (const int64_t number : {int64_t{0}, int64_t{-1}, int64_t{1}}) {
    auto given = subject.example.options;
    if (option.type == Option::Type::integer) {
      given[option.name] = number;
    } else if (option.type == Option::Type::integers) {
      given[option.name] = std::vector<int64_t>{number};
    } else {
      break;
    }
    try {
      instantiate(subject.architecture, given);
    } catch (const Error& error) {
      unnamed = unnamed || std::string(error.what()).find("describes its tensors wrongly") != std::string::npos;
    }
  }
  return unnamed;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

NamedShapes shapes_of(const WeightSpace& space) {
  NamedShapes shapes;
  for (const auto& tensor : space.tensors()) shapes.emplace_back(tensor.name, tensor.shape);
  return shapes;
}

}  // namespace

void check_options(const Subject& subject, Findings& findings) {
  const ArchitectureInfo info = subject.architecture->info();
  if (info.summary.empty()) findings.note("the summary is empty: expected one line about the architecture.");
  std::set<std::string> names;
  for (const auto& option : info.options) {
    if (option.name.empty()) findings.fail("info().options holds an option without a name.");
    if (!names.insert(option.name).second) findings.fail("option '" + option.name + "' is declared twice.");
    if (option.help.empty()) findings.note("option '" + option.name + "' has no help.");
  }

  const auto expect_refusal = [&](const std::string& name, const OptionValue& value, const std::string& what) {
    auto given = subject.example.options;
    given[name] = value;
    try {
      instantiate(subject.architecture, given);
      findings.fail(what + " is accepted.");
    } catch (const Error& error) {
      if (std::string(error.what()).find("'" + name + "'") == std::string::npos)
        findings.fail(what + " is refused, but the message does not name it: " + error.what());
    }
  };
  std::string unknown = "no_such_option";
  while (names.count(unknown)) unknown += "_";
  expect_refusal(unknown, int64_t{1}, "the unknown option '" + unknown + "'");
  std::string unnamed;
  for (const auto& option : info.options) {
    expect_refusal(option.name, misfit(option.type), "a wrongly typed '" + option.name + "'");
    if (only_axes_refuse(subject, option)) unnamed += (unnamed.empty() ? "'" : ", '") + option.name + "'";
  }
  if (!unnamed.empty())
    findings.note("0 or -1 in " + unnamed +
                  " is refused by the axis language only: a message of the architecture's own would name the option.");
}

void check_description(const Subject& subject, Findings& findings) {
  const Instance instance = instantiate(subject.architecture, subject.example.options);
  int64_t parameters = 0;
  for (const auto& tensor : instance.space->tensors()) parameters += tensor.kind == Kind::parameter;
  if (parameters == 0) findings.fail("all tensors are buffers: expected at least one parameter.");

  for (size_t s = 0; s < instance.space->sources().size(); ++s) {
    const Source& source = instance.space->sources()[s];
    int64_t entries = 1;
    for (const int64_t length : source.shape) entries *= length;
    int64_t in_views = 0;
    for (const View& view : instance.space->views()) {
      if (view.source != static_cast<int>(s)) continue;
      int64_t size = 1;
      for (const Factor& factor : view.factors) size *= factor.size;
      in_views += size;
    }
    if (in_views != entries)
      findings.fail("the views of '" + source.name + "' hold " + std::to_string(in_views) + " entries: expected " +
                    std::to_string(entries) + ", the product of its shape " + shape_text(source.shape) + ".");
  }
  const auto again = subject.architecture->describe(instance.options);
  if (to_text(WeightSpace(again)) != to_text(*instance.space))
    findings.fail("describe() gives another description when it is called again.");
}

void check_text_round_trip(const Subject& subject, Findings& findings) {
  const Instance instance = instantiate(subject.architecture, subject.example.options);
  const std::string text = to_text(*instance.space);
  const std::string again = to_text(weight_space_from_text(text));
  if (again != text) findings.fail("expected\n" + text + "received\n" + again);
}

void check_yaml_round_trip(const Subject& subject, Findings& findings) {
  const Instance instance = instantiate(subject.architecture, subject.example.options);
  const std::string text = to_text(*instance.space);
  const std::string yaml = to_yaml(*instance.space, subject.architecture->info().name);
  const auto read = architecture_from_yaml(parse_yaml(yaml, "description"), "description");
  const std::string again = to_text(*instantiate(read, {}).space);
  if (again != text) findings.fail("expected\n" + text + "received\n" + again);
}

void check_recognition(const Subject& subject, Findings& findings) {
  const Instance instance = instantiate(subject.architecture, subject.example.options);
  const std::string text = to_text(*instance.space);
  NamedShapes shapes = shapes_of(*instance.space);
  if (subject.architecture->recognize({})) findings.fail("recognize() takes an empty list of tensors for its own.");
  const auto recognized = subject.architecture->recognize(shapes);
  if (!recognized) {
    findings.skip("recognize() finds no options: such a network can only be bound by naming the architecture");
    return;
  }
  std::string values, others;  // all of them, and those that are not the example's
  for (const auto& [name, value] : *recognized) {
    values += (values.empty() ? "" : ", ") + name + " = " + to_string(value);
    const auto own = instance.options.values().find(name);
    if (own != instance.options.values().end() && own->second == value) continue;
    others += (others.empty() ? "" : ", ") + name + " = " + to_string(value);
  }
  const Instance found = instantiate(subject.architecture, *recognized);
  if (shapes_of(*found.space) != shapes)
    findings.fail("recognize() gives " + values + ", which describe other names or shapes:\n" + to_text(*found.space));
  else if (to_text(*found.space) != text)
    findings.note("recognize() takes it for one with " + others + ": the same shapes with other axes.");

  std::reverse(shapes.begin(), shapes.end());
  if (!subject.architecture->recognize(shapes))
    findings.fail("recognize() fails when the tensors come in another order: a live network has an order of its own.");
  shapes.back().second.push_back(2);
  if (subject.architecture->recognize(shapes))
    findings.fail("recognize() accepts '" + shapes.back().first + "' with shape " + shape_text(shapes.back().second) +
                  ", which is not its own.");
}

}  // namespace nfopt::conformance
