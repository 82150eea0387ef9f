#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace nfopt {

/// What one process contributed to a long run.
struct RunPiece {
  int64_t first_step = 0;  ///< steps done when it began
  int64_t last_step = 0;   ///< and at its last checkpoint
  double seconds = 0;      ///< until then
  int64_t ranks = 1;
  int64_t threads = 1;  ///< of each rank
  std::string nfopt;    ///< version
};

/// The pieces of a run, in the file `pieces.json` of its folder: times do not belong into checkpoints, which are equal
/// for equal runs, but the training record needs them.
class NFOPT_API PieceLog {
 public:
  /// Continues the file at `first_step`: what earlier pieces did beyond it was lost, and is cut off. An unreadable file
  /// costs the record of earlier pieces, not the run.
  PieceLog(std::filesystem::path file, RunPiece piece);

  /// The present piece has come this far.
  void update(int64_t step, double seconds);
  const std::vector<RunPiece>& pieces() const { return pieces_; }  ///< the present one last
  double seconds() const;                                          ///< of all

 private:
  std::filesystem::path file_;
  std::vector<RunPiece> pieces_;
};

}  // namespace nfopt
