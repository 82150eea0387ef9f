#include <nfopt/runtime/train/interruption.h>
#include <nfopt/runtime/train/stop_on_signal.h>

namespace nfopt {
namespace {

Flow flow() { return Interruption::signal() != 0 ? Flow::kStop : Flow::kContinue; }

}  // namespace

Flow StopOnSignal::on_begin(const Trainer&) { return flow(); }
Flow StopOnSignal::on_step(const Trainer&) { return flow(); }

}  // namespace nfopt
