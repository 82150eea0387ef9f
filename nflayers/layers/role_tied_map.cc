#include <nfopt/nflayers/kernels/aten/halves.h>
#include <nfopt/nflayers/kernels/aten/views.h>
#include <nfopt/nflayers/layers/role_tied_keys.h>
#include <nfopt/nflayers/layers/role_tied_map.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

namespace nfopt {

using namespace role_tied;

namespace {

/// Output blocks of one signature that share a class: one product computes them all.
struct Group {
  std::vector<int> outputs;  ///< positions in Signature::outputs
  /// Per relation and class of inputs: the key, or -1 where no output of the group has such a term.
  std::vector<int> keys;
  /// [outputs, relations * classes]: 1 / n(v, key), 0 where there is no term.
  std::vector<double> scales;
};

struct SignatureTerms {
  std::vector<int> class_of_input;  ///< per input block
  int classes = 0;
  std::vector<Group> groups;
};

}  // namespace

struct RoleTiedMap::Parts {
  Parts(const WeightSpace& space, int64_t in, int64_t out);

  void count_terms();
  at::Tensor key_matrix(const RoleTiedTheta& theta, const Group& group, const at::Tensor& like) const;
  at::Tensor product(const RoleTiedTheta& theta, size_t s, const at::Tensor& x) const;
  void check(const RoleTiedTheta& theta) const;

  int64_t in_channels, out_channels;
  std::vector<KeyView> views;
  Plan plan;
  int blocks = 0;
  std::vector<SignatureTerms> signatures;
  std::vector<std::string> keys, bias_keys;
  std::vector<int> most_keys;  ///< per key: the most keys into a view that has it
  /// Per term of the plan: key, and 1 / n(v, key).
  std::vector<std::pair<int, double>> untied;
};

RoleTiedMap::Parts::Parts(const WeightSpace& space, int64_t in, int64_t out)
    : in_channels(in),
      out_channels(out),
      views(key_views(space)),
      plan(build_plan(space, Fold::none(), [this](int to, int from, const Partition& partition) {
        return has_key(views, to, from, partition);
      })) {
  if (in < 1 || out < 1)
    throw Error("layer", "a role-tied layer needs at least one channel: received " + std::to_string(in) +
                             " input and " + std::to_string(out) + " output channels.");
  for (const KeyView& view : views) blocks = std::max(blocks, view.block + 1);
  std::set<std::string> roles;
  for (const KeyView& view : views) roles.insert("bias|" + view.role);
  bias_keys.assign(roles.begin(), roles.end());
  count_terms();
}

void RoleTiedMap::Parts::count_terms() {
  std::map<std::string, int> index;
  std::vector<std::map<int, double>> count(views.size());  // n(v, key)
  struct Entry {
    size_t signature, group, output;
    int view, key;
    size_t slot;
  };
  std::vector<Entry> entries;
  size_t expected_terms = 0;
  std::vector<std::vector<BlockClass>> input_classes(plan.signatures.size()), output_classes(plan.signatures.size());
  for (size_t s = 0; s < plan.signatures.size(); ++s) {
    const Signature& signature = plan.signatures[s];
    SignatureTerms terms;
    std::map<BlockClass, int> classes;
    std::vector<BlockClass> distinct;
    for (const Block& block : signature.inputs) {
      const Half& half = plan.inputs[block.half];
      input_classes[s].push_back(class_of(views[half.view], half, block.order));
      const auto [found, fresh] = classes.try_emplace(input_classes[s].back(), static_cast<int>(classes.size()));
      if (fresh) distinct.push_back(found->first);
      terms.class_of_input.push_back(found->second);
    }
    terms.classes = static_cast<int>(distinct.size());
    // How many inputs of a class there are: anywhere, in a block, in a view.
    const size_t n = distinct.size();
    std::vector<int64_t> anywhere(n, 0), in_block(blocks * n, 0), in_view(views.size() * n, 0);
    for (size_t b = 0; b < signature.inputs.size(); ++b) {
      const int view = plan.inputs[signature.inputs[b].half].view;
      const size_t c = terms.class_of_input[b];
      ++anywhere[c];
      ++in_block[views[view].block * n + c];
      ++in_view[view * n + c];
    }
    std::map<BlockClass, size_t> group_of;
    for (size_t o = 0; o < signature.outputs.size(); ++o) {
      const Half& half = plan.outputs[signature.outputs[o].half];
      BlockClass own = class_of(views[half.view], half, signature.outputs[o].order);
      own.view_has_x = views[half.view].has_x;
      output_classes[s].push_back(own);
      const auto [found, fresh] = group_of.try_emplace(own, terms.groups.size());
      if (fresh) terms.groups.push_back({{}, std::vector<int>(kRelations * n, -1), {}});
      Group& group = terms.groups[found->second];
      const size_t row = group.outputs.size();
      group.outputs.push_back(static_cast<int>(o));
      group.scales.resize(group.outputs.size() * kRelations * n, 0.0);
      for (size_t c = 0; c < n; ++c) {
        if (distinct[c].keeps_x != own.keeps_x) continue;  // one of them then has no key
        const int64_t here = in_view[half.view * n + c], near = in_block[views[half.view].block * n + c];
        const int64_t found_terms[] = {here, own.keeps_x ? 0 : near - here, own.keeps_x ? 0 : anywhere[c] - near};
        for (size_t r = 0; r < kRelations; ++r) {
          if (found_terms[r] == 0) continue;
          const std::string name = key_of(own, distinct[c], static_cast<Relation>(r));
          const int key = index.try_emplace(name, static_cast<int>(index.size())).first->second;
          group.keys[r * n + c] = key;
          count[half.view][key] += static_cast<double>(found_terms[r]);
          expected_terms += static_cast<size_t>(found_terms[r]);
          entries.push_back({s, found->second, row, half.view, key, row * kRelations * n + r * n + c});
        }
      }
    }
    signatures.push_back(std::move(terms));
  }
  if (expected_terms != plan.terms.size())
    throw Error("layer", "a tensor repeats an ordered label (~) that can be kept in more than one way: " +
                             std::to_string(expected_terms) + " terms with a key, " +
                             std::to_string(plan.terms.size()) + " in the plan. Give its axes distinct names.");

  // Keys in alphabetical order, so that nothing depends on the order of tensors.
  std::vector<int> renumbered(index.size());
  for (const auto& [name, old] : index) {
    renumbered[old] = static_cast<int>(keys.size());
    keys.push_back(name);
  }
  most_keys.assign(keys.size(), 0);
  for (const auto& of_view : count)
    for (const auto& [key, n] : of_view)
      most_keys[renumbered[key]] = std::max(most_keys[renumbered[key]], static_cast<int>(of_view.size()));
  for (const Entry& e : entries) signatures[e.signature].groups[e.group].scales[e.slot] = 1 / count[e.view].at(e.key);
  for (SignatureTerms& terms : signatures)
    for (Group& group : terms.groups)
      for (int& key : group.keys)
        if (key >= 0) key = renumbered[key];

  for (const Term& term : plan.terms) {
    const Relation relation = term.out_view == term.in_view                             ? kSelf
                              : views[term.out_view].block == views[term.in_view].block ? kBlock
                                                                                        : kElse;
    const std::string name =
        key_of(output_classes[term.signature][term.output], input_classes[term.signature][term.input], relation);
    const int old = index.at(name);
    untied.emplace_back(renumbered[old], 1 / count[term.out_view].at(old));
  }
}

/// [P|1, relations * classes * C_in, C_out]: the matrices of a group's keys under each other.
at::Tensor RoleTiedMap::Parts::key_matrix(const RoleTiedTheta& theta, const Group& group,
                                          const at::Tensor& like) const {
  std::vector<at::Tensor> parts;
  int64_t members = 1;
  for (const int key : group.keys) {
    const auto found = key < 0 ? theta.end() : theta.find(keys[key]);
    parts.push_back(found == theta.end() ? at::zeros({1, in_channels, out_channels}, like.options())
                                         : found->second.to(like.options()));
    members = std::max(members, parts.back().size(0));
  }
  for (at::Tensor& part : parts) part = part.expand({members, in_channels, out_channels});
  return at::cat(parts, 1);
}

/// Y [P, B, O * C_out, sizes...] of a signature from its contracted features [P, B, K * C_in, sizes...].
at::Tensor RoleTiedMap::Parts::product(const RoleTiedTheta& theta, size_t s, const at::Tensor& x) const {
  const Signature& signature = plan.signatures[s];
  const SignatureTerms& terms = signatures[s];
  const int64_t members = x.size(0), batch = x.size(1), n = terms.classes, positions = signature.positions;
  const auto inputs = static_cast<int64_t>(signature.inputs.size());
  const auto outputs = static_cast<int64_t>(signature.outputs.size());

  // Contractions are sums: means here.
  std::vector<double> weights;
  std::vector<int64_t> of_class, of_block, of_view, block_of_output(outputs), view_of_output(outputs);
  std::map<int, int64_t> local_block, local_view;  // only what this signature has
  const auto local = [](std::map<int, int64_t>& ids, int id) {
    return ids.try_emplace(id, static_cast<int64_t>(ids.size())).first->second;
  };
  for (int64_t b = 0; b < inputs; ++b) {
    const Half& half = plan.inputs[signature.inputs[b].half];
    weights.push_back(1 / static_cast<double>(half.count));
    of_class.push_back(terms.class_of_input[b]);
    of_block.push_back(local(local_block, views[half.view].block) * n + of_class.back());
    of_view.push_back(local(local_view, half.view) * n + of_class.back());
  }
  for (int64_t o = 0; o < outputs; ++o) {
    const int view = plan.outputs[signature.outputs[o].half].view;
    block_of_output[o] = local(local_block, views[view].block);
    view_of_output[o] = local(local_view, view);
  }
  const at::TensorOptions options = x.options(), index_options = options.dtype(at::kLong);
  const auto index = [&](const std::vector<int64_t>& ids) { return at::tensor(ids, index_options); };
  const at::Tensor means = x.reshape({members, batch, inputs, in_channels, positions}) *
                           at::tensor(weights, at::kDouble).to(options).view({1, 1, inputs, 1, 1});
  const auto summed = [&](const std::vector<int64_t>& ids, int64_t rows) {
    return at::zeros({members, batch, rows, in_channels, positions}, options).index_add(2, index(ids), means);
  };
  const auto tables = [&](const at::Tensor& sums) {  // [P, B, rows, classes, C, N]
    return sums.view({members, batch, -1, n, in_channels, positions});
  };
  const at::Tensor anywhere = tables(summed(of_class, n));
  const at::Tensor in_block = tables(summed(of_block, n * static_cast<int64_t>(local_block.size())));
  const at::Tensor in_view = tables(summed(of_view, n * static_cast<int64_t>(local_view.size())));

  std::vector<at::Tensor> result(outputs);
  for (const Group& group : terms.groups) {
    const auto rows = static_cast<int64_t>(group.outputs.size());
    std::vector<int64_t> own_block, own_view;
    for (const int o : group.outputs) {
      own_block.push_back(block_of_output[o]);
      own_view.push_back(view_of_output[o]);
    }
    const at::Tensor near = in_block.index_select(2, index(own_block)), here = in_view.index_select(2, index(own_view));
    // self, block, else in the order of Relation
    const at::Tensor read = at::stack({here, near - here, anywhere - near}, 3);
    const at::Tensor scales =
        at::tensor(group.scales, at::kDouble).to(options).view({1, 1, rows, static_cast<int64_t>(kRelations), n, 1, 1});
    const at::Tensor rows_of = (read * scales).reshape({members, batch, rows, -1, positions});
    const at::Tensor matrix = key_matrix(theta, group, x).transpose(1, 2).unsqueeze(1).unsqueeze(1);
    const at::Tensor y = at::matmul(matrix, rows_of);  // [P, B, rows, C_out, N]
    for (int64_t row = 0; row < rows; ++row) result[group.outputs[row]] = y.select(2, row);
  }
  std::vector<int64_t> sizes = {members, batch, outputs * out_channels};
  sizes.insert(sizes.end(), signature.sizes.begin(), signature.sizes.end());
  return at::stack(result, 2).reshape(sizes);
}

void RoleTiedMap::Parts::check(const RoleTiedTheta& theta) const {
  std::ostringstream problems;
  for (const auto& [key, value] : theta) {
    const bool bias = key.starts_with("bias|");
    const bool fits = value.defined() && value.dim() == (bias ? 2 : 3) && value.size(-1) == out_channels &&
                      (bias || value.size(1) == in_channels);
    if (fits) continue;
    problems << "\n  '" << key << "': expected [P|1" << (bias ? "" : ", " + std::to_string(in_channels)) << ", "
             << out_channels << "], received ";
    if (value.defined())
      problems << value.sizes();
    else
      problems << "an undefined tensor";
  }
  if (problems.tellp() > 0) throw Error("layer", "coefficients of the wrong shape:" + problems.str());
}

RoleTiedMap::RoleTiedMap(const WeightSpace& space, int64_t in_channels, int64_t out_channels)
    : parts_(std::make_unique<const Parts>(space, in_channels, out_channels)) {}
RoleTiedMap::~RoleTiedMap() = default;

int64_t RoleTiedMap::in_channels() const { return parts_->in_channels; }
int64_t RoleTiedMap::out_channels() const { return parts_->out_channels; }
const std::vector<std::string>& RoleTiedMap::keys() const { return parts_->keys; }
const std::vector<std::string>& RoleTiedMap::bias_keys() const { return parts_->bias_keys; }
const Plan& RoleTiedMap::plan() const { return parts_->plan; }

RoleTiedTheta RoleTiedMap::initial_theta(const Rng& rng) const {
  RoleTiedTheta theta;
  for (size_t k = 0; k < parts_->keys.size(); ++k) {
    at::Tensor value = at::empty({1, in_channels(), out_channels()}, at::kDouble);
    const auto fan_in = static_cast<double>(in_channels() * parts_->most_keys[k]);
    theta[parts_->keys[k]] = fill_normal(value, rng.purpose(parts_->keys[k]), 0, 1 / std::sqrt(fan_in));
  }
  for (const std::string& key : parts_->bias_keys) theta[key] = at::zeros({1, out_channels()}, at::kDouble);
  return theta;
}

std::vector<at::Tensor> RoleTiedMap::operator()(const RoleTiedTheta& theta, const std::vector<at::Tensor>& x) const {
  const Parts& parts = *parts_;
  parts.check(theta);
  std::string problems;
  if (x.size() != parts.plan.tensors.size())
    throw Error("layer", "a role-tied layer expects one feature tensor per tensor of the weight space, " +
                             std::to_string(parts.plan.tensors.size()) + ", received " + std::to_string(x.size()) +
                             ".");
  for (size_t i = 0; i < x.size(); ++i) {
    const PlanTensor& tensor = parts.plan.tensors[i];
    const bool fits = x[i].defined() && x[i].dim() == static_cast<int64_t>(tensor.shape.size()) + 3 &&
                      x[i].size(2) == in_channels() && x[i].sizes().slice(3) == at::IntArrayRef(tensor.shape);
    if (!fits) problems += "\n  '" + tensor.name + "'";
  }
  if (!problems.empty())
    throw Error("layer", "features that are not [P, B, " + std::to_string(in_channels()) + ", shape...]:" + problems);

  const std::vector<at::Tensor> views = aten::read_views(parts.plan, x);
  const std::vector<at::Tensor> contracted = aten::contract(parts.plan, aten::input_side(parts.plan), views);
  const aten::Frame frame = {x.front().size(0), x.front().size(1), out_channels(), x.front().options()};
  std::vector<at::Tensor> biases;
  int64_t members = 1;
  for (const KeyView& view : parts.views) {
    const auto found = theta.find("bias|" + view.role);
    biases.push_back(found == theta.end() ? at::zeros({1, out_channels()}, frame.options)
                                          : found->second.to(frame.options));
    members = std::max(members, biases.back().size(0));
  }
  for (at::Tensor& bias : biases) bias = bias.expand({members, out_channels()});
  const auto multiply = [&](int s, const at::Tensor& y, const aten::Start& start) {
    at::Tensor target = y;
    const bool accumulate = aten::write_start(start, y);
    if (parts.signatures[s].classes == 0) {
      if (!accumulate) target.zero_();
      return;
    }
    const at::Tensor product = parts.product(theta, static_cast<size_t>(s), contracted[s]);
    accumulate ? target.add_(product) : target.copy_(product);
  };
  return aten::write_views(
      parts.plan, aten::expand(parts.plan, aten::output_side(parts.plan), frame, at::cat(biases, 1), multiply));
}

Coefficients RoleTiedMap::untied(const RoleTiedTheta& theta) const {
  const Parts& parts = *parts_;
  parts.check(theta);
  const CoefficientShape shape(parts.plan, in_channels(), out_channels());
  at::Tensor values = at::zeros({1, shape.total()}, at::kDouble);
  auto write = values.accessor<double, 2>()[0];
  for (size_t t = 0; t < parts.plan.terms.size(); ++t) {
    const Term& term = parts.plan.terms[t];
    const auto found = theta.find(parts.keys[parts.untied[t].first]);
    if (found == theta.end()) continue;
    const at::Tensor matrix = found->second[0].to(at::kDouble).contiguous();
    const auto read = matrix.accessor<double, 2>();
    for (int64_t out = 0; out < out_channels(); ++out)
      for (int64_t in = 0; in < in_channels(); ++in)
        write[shape.weight(term, out, in)] += read[in][out] * parts.untied[t].second * shape.mean(term);
  }
  for (size_t v = 0; v < parts.views.size(); ++v) {
    const auto found = theta.find("bias|" + parts.views[v].role);
    if (found == theta.end()) continue;
    for (int64_t out = 0; out < out_channels(); ++out)
      write[shape.bias(static_cast<int>(v), out)] = found->second[0][out].item<double>();
  }
  return {values, in_channels(), out_channels()};
}

}  // namespace nfopt
