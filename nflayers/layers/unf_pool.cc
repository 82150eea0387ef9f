#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/unf_pool.h>

namespace nfopt {

UnfPoolImpl::UnfPoolImpl(const WeightSpacePtr& space)
    : map_(std::make_shared<const UnfPoolMap>(required_space(space, "UnfPool"))) {}

}  // namespace nfopt
