#include <nfopt/runtime/train/callback.h>

namespace nfopt {

Callback::~Callback() = default;
Flow Callback::on_begin(const Trainer&) { return Flow::kContinue; }
Flow Callback::on_step(const Trainer&) { return Flow::kContinue; }
void Callback::on_end(const Trainer&, TrainResult&) {}
void Callback::on_notice(const std::string&) {}

}  // namespace nfopt
