#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/zoo/zoo_network.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace nfopt {
namespace {

using Json = nlohmann::ordered_json;

Json json_number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

double number_of(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

Json json_of(const OptionValue& value) {
  return std::visit([](const auto& v) { return Json(v); }, value);
}

OptionValue option_of(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number()) return json.get<double>();
  return json.get<std::string>();
}

Json json_of(const ZooNetwork& network) {
  const HyperParameters& h = network.hyper_parameters;
  Json json;
  json["index"] = network.index;
  json["optimizer"] = h.optimizer;
  json["learning_rate"] = h.learning_rate;
  json["initial_scale"] = h.initial_scale;
  json["batch_size"] = h.batch_size;
  json["steps"] = h.steps;
  json["weight_decay"] = h.weight_decay;
  json["data_share"] = h.data_share;
  json["label_noise"] = h.label_noise;
  json["options"] = Json::object();
  for (const auto& [name, value] : h.options) json["options"][name] = json_of(value);
  json["train_loss"] = json_number(network.train_loss);
  json["train_accuracy"] = json_number(network.train_accuracy);
  json["test_loss"] = json_number(network.test_loss);
  json["test_accuracy"] = json_number(network.test_accuracy);
  json["diverged_at"] = network.diverged_at < 0 ? Json() : Json(network.diverged_at);
  return json;
}

ZooNetwork network_of(const Json& json) {
  ZooNetwork network;
  HyperParameters& h = network.hyper_parameters;
  network.index = json.at("index").get<int64_t>();
  h.optimizer = json.at("optimizer").get<std::string>();
  h.learning_rate = json.at("learning_rate").get<double>();
  h.initial_scale = json.at("initial_scale").get<double>();
  h.batch_size = json.at("batch_size").get<int64_t>();
  h.steps = json.at("steps").get<int64_t>();
  h.weight_decay = json.at("weight_decay").get<double>();
  h.data_share = json.at("data_share").get<double>();
  h.label_noise = json.at("label_noise").get<double>();
  for (const auto& [name, value] : json.at("options").items()) h.options[name] = option_of(value);
  network.train_loss = number_of(json.at("train_loss"));
  network.train_accuracy = number_of(json.at("train_accuracy"));
  network.test_loss = number_of(json.at("test_loss"));
  network.test_accuracy = number_of(json.at("test_accuracy"));
  if (!json.at("diverged_at").is_null()) network.diverged_at = json.at("diverged_at").get<int64_t>();
  return network;
}

std::string cell(const Json& value) {
  if (value.is_null()) return "";
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

std::string zoo_networks_to_json(const std::vector<ZooNetwork>& networks, int indent) {
  Json list = Json::array();
  for (const ZooNetwork& network : networks) list.push_back(json_of(network));
  return list.dump(indent);
}

std::vector<ZooNetwork> zoo_networks_from_json(const std::string& text, const std::string& origin) {
  std::vector<ZooNetwork> networks;
  try {
    for (const Json& json : Json::parse(text)) networks.push_back(network_of(json));
  } catch (const Json::exception& problem) {
    throw Error("zoo", "'" + origin + "' does not hold the networks of a zoo: " + problem.what() + ".");
  }
  return networks;
}

std::string zoo_networks_to_csv(const std::vector<ZooNetwork>& networks) {
  std::string text;
  for (const ZooNetwork& network : networks) {
    std::string names, values;
    const auto column = [&](const std::string& name, const Json& value) {
      names += (names.empty() ? "" : ",") + name;
      values += (values.empty() ? "" : ",") + cell(value);
    };
    const Json json = json_of(network);
    for (const auto& [name, value] : json.items()) {
      if (!value.is_object()) column(name, value);
      if (value.is_object())
        for (const auto& [option, choice] : value.items()) column(option, choice);
    }
    if (text.empty()) text = names + "\n";
    text += values + "\n";
  }
  return text;
}

}  // namespace nfopt
