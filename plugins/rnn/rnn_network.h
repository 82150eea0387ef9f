#pragma once

#include <nfopt/runtime/network/network.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nfopt::rnn {

enum class Cell : uint8_t { irnn, rnn_tanh, rnn_relu, gru, lstm };

/// What of the top layer the head reads.
enum class Readout : uint8_t {
  every_step,   ///< the state at every step: [P, B, T, out]
  final_state,  ///< the state after the whole sequence, of each direction: [P, B, out]
};

struct RnnShape {
  Cell cell;
  int64_t vocabulary;  ///< 0: real inputs
  int64_t input_size;
  int64_t hidden_size;
  int64_t projection;  ///< 0: none
  int64_t layers;
  int64_t output_size;
  bool bidirectional;
  bool bias;
  bool learned_state;
  Readout readout;

  int64_t gates() const { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }
  /// Entries of the state that a layer hands on, per direction.
  int64_t state_size() const { return projection > 0 ? projection : hidden_size; }
  /// "_l0", "_l0_reverse": the end of the names of one layer and direction.
  std::vector<std::string> tails(int64_t layer) const;
};

/// x tokens [P|1, B, T], or real numbers [P|1, B, T, input_size] or with these steps end to end [P|1, B, T*input_size].
std::unique_ptr<Network> make_rnn_network(RnnShape shape);

}  // namespace nfopt::rnn
