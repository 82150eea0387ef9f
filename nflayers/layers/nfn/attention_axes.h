#pragma once

#include <nfopt/nflayers/spec/fold.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <vector>

namespace nfopt {

/// How one view takes part in the attention along one label. A nested label is compared together with its ancestors: an
/// index of `v@h` means something only beside its `h`.
struct AttentionTokens {
  int view = 0;
  std::vector<int> along;   ///< axes of the view that span a token: the label's axis and its ancestors, root first
  std::vector<int> tokens;  ///< axes that number the tokens
  std::vector<int>
      averaged;  ///< axes nested in `along`: permuted anew for every index along it, so only their mean counts
};

/// Everything with an axis of one label.
struct AttentionAxis {
  int label = 0;
  int64_t size = 1;  ///< of the label and its ancestors
  std::vector<AttentionTokens> parts;
};

/// One entry per label that some view keeps as an axis after folding. A view with a repeated label takes part once per
/// axis.
std::vector<AttentionAxis> attention_axes(const std::vector<LayerView>& views);

}  // namespace nfopt
