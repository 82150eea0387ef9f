// Families of networks at any size, with roles and blocks: what role-tied layers see.

#include "tests/nflayers/layers/network_families.h"

#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt::testing {
namespace {

TensorDescription described(std::string name, std::vector<int64_t> shape, std::string axes, Role role,
                            std::string block) {
  TensorDescription t = testing::tensor(std::move(name), std::move(shape), std::move(axes));
  t.role = role;
  t.block = std::move(block);
  return t;
}

}  // namespace

Descriptions mlp(int layers, int64_t width) {
  Descriptions tensors;
  const auto label = [&](int k) {
    return k == 0 ? std::string("~in") : k == layers ? std::string("~out") : "h" + std::to_string(k);
  };
  for (int k = 0; k < layers; ++k) {
    const std::string block = "fc" + std::to_string(k), out = label(k + 1);
    tensors.push_back(described(block + ".w", {width, width}, "[" + out + ", " + label(k) + "]", Role::weight, block));
    tensors.push_back(described(block + ".b", {width}, "[" + out + "]", Role::bias, block));
  }
  return tensors;
}

Descriptions cnn(int layers) {
  Descriptions tensors;
  for (int k = 0; k < layers; ++k) {
    const std::string block = "conv" + std::to_string(k), out = "c" + std::to_string(k + 1);
    const std::string in = k == 0 ? "~rgb" : "c" + std::to_string(k);
    tensors.push_back(described(block + ".w", {3, 3, 2, 2}, "[" + out + ", " + in + ", *, *]", Role::weight, block));
    tensors.push_back(described(block + ".b", {3}, "[" + out + "]", Role::bias, block));
  }
  tensors.push_back(described("fc.w", {2, 3}, "[~cls, c" + std::to_string(layers) + "]", Role::weight, "fc"));
  tensors.push_back(described("fc.b", {2}, "[~cls]", Role::bias, "fc"));
  return tensors;
}

Descriptions resnet(const std::vector<int>& stages) {
  Descriptions tensors;
  const auto conv = [&](const std::string& name, const std::string& block, const std::string& out,
                        const std::string& in) {
    tensors.push_back(described(name + ".w", {2, 2, 2, 2}, "[" + out + ", " + in + ", *, *]", Role::weight, block));
    tensors.push_back(described(name + ".g", {2}, "[" + out + "]", Role::scale, block));
    tensors.push_back(described(name + ".b", {2}, "[" + out + "]", Role::bias, block));
  };
  conv("stem", "stem", "r0", "~rgb");
  std::string stream = "r0";
  for (size_t s = 0; s < stages.size(); ++s) {
    for (int b = 0; b < stages[s]; ++b) {
      const std::string id = std::to_string(s) + "_" + std::to_string(b), block = "layer" + id;
      const std::string to = "r" + std::to_string(s), from = b == 0 ? stream : to, inner = "i" + id;
      conv(block + ".conv1", block, inner, from);
      conv(block + ".conv2", block, to, inner);
      if (from != to) conv(block + ".down", block, to, from);
    }
    stream = "r" + std::to_string(s);
  }
  tensors.push_back(described("fc.w", {3, 2}, "[~out, " + stream + "]", Role::weight, "fc"));
  tensors.push_back(described("fc.b", {3}, "[~out]", Role::bias, "fc"));
  return tensors;
}

Descriptions gpt(int layers) {
  Descriptions tensors;
  const auto norm = [&](const std::string& name, const std::string& block) {
    tensors.push_back(described(name + ".w", {3}, "[d]", Role::scale, block));
    tensors.push_back(described(name + ".b", {3}, "[d]", Role::bias, block));
  };
  tensors.push_back(described("wte", {5, 3}, "[~voc, d]", Role::table, "wte"));
  tensors.back().tied = {"lm_head.weight"};
  tensors.push_back(described("wpe", {4, 3}, "[~pos, d]", Role::table, "wpe"));
  for (int l = 0; l < layers; ++l) {
    const std::string i = std::to_string(l), block = "h" + i;
    const std::string qk = "[h" + i + "=2, qk" + i + "@h" + i + "=2]", v = "[h" + i + ", v" + i + "@h" + i + "=2]";
    const auto linear = [&](const std::string& name, int64_t rows, int64_t columns, const std::string& out,
                            const std::string& in) {
      tensors.push_back(
          described(block + name + ".w", {rows, columns}, "[" + out + ", " + in + "]", Role::weight, block));
      tensors.push_back(described(block + name + ".b", {rows}, "[" + out + "]", Role::bias, block));
    };
    norm(block + ".ln1", block);
    linear(".q", 4, 3, qk, "d");
    linear(".k", 4, 3, qk, "d");
    linear(".v", 4, 3, v, "d");
    linear(".o", 3, 4, "d", v);
    norm(block + ".ln2", block);
    linear(".up", 5, 3, "f" + i, "d");
    linear(".down", 3, 5, "d", "f" + i);
  }
  norm("ln_f", "ln_f");
  return tensors;
}

Descriptions lstm(int layers, bool both_directions) {
  Descriptions tensors;
  const std::vector<std::string> directions =
      both_directions ? std::vector<std::string>{"f", "b"} : std::vector<std::string>{"f"};
  const auto width = static_cast<int64_t>(2 * directions.size());
  std::string below = "~in=3";
  int64_t columns = 3;
  for (int l = 0; l < layers; ++l) {
    std::string outputs;
    for (const std::string& direction : directions) {
      const std::string h = direction + std::to_string(l), block = "l" + h;
      tensors.push_back(
          described(block + ".ih", {8, columns}, "[[*4, " + h + "=2], " + below + "]", Role::weight, block));
      tensors.push_back(described(block + ".hh", {8, 2}, "[[*4, " + h + "], " + h + "]", Role::weight, block));
      for (const char* name : {".bih", ".bhh"})
        tensors.push_back(described(block + name, {8}, "[[*4, " + h + "]]", Role::bias, block));
      outputs += (outputs.empty() ? "" : "|") + h;
    }
    below = outputs;
    columns = width;
  }
  tensors.push_back(described("fc.w", {3, columns}, "[~out, " + below + "]", Role::weight, "fc"));
  tensors.push_back(described("fc.b", {3}, "[~out]", Role::bias, "fc"));
  return tensors;
}

}  // namespace nfopt::testing
