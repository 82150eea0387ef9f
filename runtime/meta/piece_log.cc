#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/meta/piece_log.h>

#include <nlohmann/json.hpp>

namespace nfopt {
namespace {

using Json = nlohmann::ordered_json;

std::vector<RunPiece> read(const std::filesystem::path& file) {
  std::error_code code;
  if (!std::filesystem::exists(file, code)) return {};
  std::vector<RunPiece> pieces;
  try {
    for (const Json& entry : Json::parse(read_file(file))) {
      RunPiece piece;
      entry.at("first_step").get_to(piece.first_step);
      entry.at("last_step").get_to(piece.last_step);
      entry.at("seconds").get_to(piece.seconds);
      entry.at("ranks").get_to(piece.ranks);
      entry.at("threads").get_to(piece.threads);
      entry.at("nfopt").get_to(piece.nfopt);
      pieces.push_back(piece);
    }
  } catch (const std::exception&) {
    return {};
  }
  return pieces;
}

}  // namespace

PieceLog::PieceLog(std::filesystem::path file, RunPiece piece) : file_(std::move(file)) {
  for (RunPiece& earlier : read(file_)) {
    if (earlier.first_step >= piece.first_step) continue;
    earlier.last_step = std::min(earlier.last_step, piece.first_step);
    pieces_.push_back(std::move(earlier));
  }
  piece.last_step = piece.first_step;
  pieces_.push_back(std::move(piece));
}

void PieceLog::update(int64_t step, double seconds) {
  pieces_.back().last_step = step;
  pieces_.back().seconds = seconds;
  Json all = Json::array();
  for (const RunPiece& piece : pieces_)
    all.push_back({{"first_step", piece.first_step},
                   {"last_step", piece.last_step},
                   {"seconds", piece.seconds},
                   {"ranks", piece.ranks},
                   {"threads", piece.threads},
                   {"nfopt", piece.nfopt}});
  write_atomically(file_, all.dump(1) + "\n");
}

double PieceLog::seconds() const {
  double sum = 0;
  for (const RunPiece& piece : pieces_) sum += piece.seconds;
  return sum;
}

}  // namespace nfopt
