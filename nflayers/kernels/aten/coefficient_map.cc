#include <ATen/Parallel.h>
#include <nfopt/nflayers/kernels/aten/coefficient_map.h>
#include <torch/autograd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

namespace nfopt {
namespace {

// One direction of the map: y = scatter(scale * gather(x)). Without `to` the gather already is in target order.
struct Direction {
  int64_t targets = 0;
  bool padded = false;  // some targets have no entry: they read a zero behind x
  at::Tensor from;      // int64
  at::Tensor to;        // int64 or undefined
  at::Tensor scale;     // undefined: all 1
};

at::Tensor int64_tensor(const std::vector<int64_t>& values) {
  return at::tensor(values, at::TensorOptions().dtype(at::kLong));
}

Direction direction(int64_t sources, int64_t targets, const std::vector<int64_t>& source,
                    const std::vector<int64_t>& target, const std::vector<double>& scale) {
  Direction result;
  result.targets = targets;
  const bool scaled = std::any_of(scale.begin(), scale.end(), [](double s) { return s != 1.0; });
  std::vector<int64_t> from(targets, sources);
  std::vector<double> weight(targets, 1.0);
  for (size_t e = 0; e < source.size(); ++e) {
    if (from[target[e]] != sources) {  // a second entry: general form
      result.from = int64_tensor(source);
      result.to = int64_tensor(target);
      if (scaled) result.scale = at::tensor(scale, at::kDouble);
      return result;
    }
    from[target[e]] = source[e];
    weight[target[e]] = scale[e];
  }
  result.padded = std::find(from.begin(), from.end(), sources) != from.end();
  result.from = int64_tensor(from);
  if (scaled) result.scale = at::tensor(weight, at::kDouble);
  return result;
}

// One pass over the targets instead of an index_select and a product: most layers are bound by this traffic.
template <class T>
void gather(const Direction& d, const at::Tensor& x, const at::Tensor& y) {
  const int64_t* from = d.from.const_data_ptr<int64_t>();
  const T* scale = d.scale.defined() ? d.scale.const_data_ptr<T>() : nullptr;
  for (int64_t member = 0; member < x.size(0); ++member) {
    const T* source = x.const_data_ptr<T>() + member * x.size(1);
    T* target = y.mutable_data_ptr<T>() + member * y.size(1);
    at::parallel_for(0, d.targets, 1 << 15, [&](int64_t begin, int64_t end) {
      if (scale) {
        for (int64_t i = begin; i < end; ++i) target[i] = scale[i] * source[from[i]];
      } else {
        for (int64_t i = begin; i < end; ++i) target[i] = source[from[i]];
      }
    });
  }
}

at::Tensor run(const Direction& d, const at::Tensor& x) {
  const at::Tensor all = d.padded ? at::cat({x, at::zeros({x.size(0), 1}, x.options())}, 1) : x.contiguous();
  const bool plain = x.device().is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble);
  if (plain && !d.to.defined()) {
    const at::Tensor y = at::empty({x.size(0), d.targets}, x.options());
    x.scalar_type() == at::kFloat ? gather<float>(d, all, y) : gather<double>(d, all, y);
    return y;
  }
  at::Tensor y = all.index_select(1, d.from);
  if (d.scale.defined()) y = y * d.scale;
  if (!d.to.defined()) return y;
  return at::zeros({x.size(0), d.targets}, x.options()).scatter_add_(1, d.to.expand_as(y), y);
}

}  // namespace

class CoefficientMap::Tables {
 public:
  explicit Tables(const IndexMap& map)
      : forward_(direction(map.sources, map.targets, map.source, map.target, map.scale)),
        transposed_(direction(map.targets, map.sources, map.target, map.source, map.scale)) {}

  at::Tensor apply(const at::Tensor& x, bool transposed) const {
    return run(on(x.device(), x.scalar_type(), transposed), x);
  }

 private:
  using Key = std::tuple<int, int, int, bool>;  // device type, device index, dtype, direction

  Direction on(at::Device device, at::ScalarType dtype, bool transposed) const {
    const Key key{static_cast<int>(device.type()), device.index(), static_cast<int>(dtype), transposed};
    const std::lock_guard lock(mutex_);
    auto found = cache_.find(key);
    if (found != cache_.end()) return found->second;
    Direction d = transposed ? transposed_ : forward_;
    d.from = d.from.to(device);
    if (d.to.defined()) d.to = d.to.to(device);
    if (d.scale.defined()) d.scale = d.scale.to(device, dtype);
    return cache_.emplace(key, std::move(d)).first->second;
  }

  Direction forward_;
  Direction transposed_;
  mutable std::mutex mutex_;
  mutable std::map<Key, Direction> cache_;
};

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using TablesPtr = std::shared_ptr<const CoefficientMap::Tables>;

struct Capsule : torch::CustomClassHolder {
  Capsule(TablesPtr t, bool transposed) : tables(std::move(t)), was_transposed(transposed) {}
  TablesPtr tables;
  bool was_transposed;
};

// Linear, so that its backward is itself with source and target exchanged.
struct MapNode : torch::autograd::Function<MapNode> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const TablesPtr& tables, bool transposed) {
    ctx->saved_data["map"] = c10::IValue::make_capsule(c10::make_intrusive<Capsule>(tables, transposed));
    return tables->apply(x, transposed);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto map = c10::static_intrusive_pointer_cast<Capsule>(ctx->saved_data["map"].toCapsule());
    return {MapNode::apply(grads[0], map->tables, !map->was_transposed), {}, {}};
  }
};

}  // namespace

CoefficientMap::CoefficientMap(const IndexMap& map) : tables_(std::make_shared<Tables>(map)) {}

at::Tensor CoefficientMap::operator()(const at::Tensor& x) const {
  if (at::GradMode::is_enabled() && x.requires_grad()) return MapNode::apply(x, tables_, false);
  return tables_->apply(x, false);
}

at::Tensor CoefficientMap::operator()(const std::vector<at::Tensor>& parameters) const {
  int64_t members = 1;
  for (const at::Tensor& parameter : parameters) members = std::max(members, parameter.size(0));
  std::vector<at::Tensor> flat;
  flat.reserve(parameters.size());
  for (const at::Tensor& parameter : parameters) {
    at::Tensor rows = parameter.flatten(1);
    flat.push_back(rows.size(0) == members ? std::move(rows) : rows.expand({members, rows.size(1)}));
  }
  return (*this)(at::cat(flat, 1));
}

}  // namespace nfopt
