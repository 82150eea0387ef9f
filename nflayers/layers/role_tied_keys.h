#pragma once

#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <compare>
#include <cstddef>
#include <string>
#include <vector>

// Names of the kinds of terms whose coefficients a role-tied layer shares (role_tied_map.h has their grammar).
namespace nfopt::role_tied {

/// Where the view that is read lies, seen from the one that is written: the same, of one block with it, elsewhere.
enum Relation : size_t { kSelf, kBlock, kElse, kRelations };

/// A view as keys see it.
struct KeyView {
  std::string role;
  int block = 0;
  bool has_x = false;
  std::string slots;    ///< one letter per axis of the unfolded view
  std::vector<bool> x;  ///< per axis
};

std::vector<KeyView> key_views(const WeightSpace& space);

/// Terms whose "*" and "~" factors are all averaged, or all kept where they are.
bool has_key(const std::vector<KeyView>& views, int out, int in, const Partition& partition);

/// What a block of a signature contributes to a key.
struct BlockClass {
  std::string role;
  std::vector<std::string>
      joined;                     ///< letters of the kept cells, in the order of the signature; "" for kept "*" and "~"
  std::vector<std::string> free;  ///< letters of the others, sorted
  bool keeps_x = false;
  bool view_has_x = false;  ///< of outputs: it decides what their self key is called

  auto operator<=>(const BlockClass&) const = default;
};

/// `order`: the half's kept cells in the order of the signature.
BlockClass class_of(const KeyView& view, const Half& half, const std::vector<int>& order);

std::string key_of(const BlockClass& out, const BlockClass& in, Relation relation);

}  // namespace nfopt::role_tied
