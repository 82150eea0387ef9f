#include <nfopt/nflayers/random/philox.h>
#include <nfopt/nflayers/random/rng.h>

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace nfopt {
namespace {

// SplitMix64's finaliser: every input bit reaches every output bit.
uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

uint64_t combine(uint64_t key, uint64_t value) { return mix(mix(key + 0x9e3779b97f4a7c15ULL) ^ mix(value)); }

}  // namespace

Rng::Rng(uint64_t seed) : key_(combine(0x6e666f7074ULL, seed)) {}

Rng Rng::purpose(std::string_view name) const {
  uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a; mixed again below
  for (const unsigned char c : name) hash = (hash ^ c) * 0x100000001b3ULL;
  return Rng(FromKey{}, combine(key_ ^ 0x70757270ULL, hash));
}

Rng Rng::index(uint64_t i) const { return Rng(FromKey{}, combine(key_ ^ 0x696e6465ULL, i)); }

std::array<uint32_t, 4> Rng::block(uint64_t counter) const {
  return philox4x32({static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), 0, 0},
                    {static_cast<uint32_t>(key_), static_cast<uint32_t>(key_ >> 32)});
}

uint64_t Rng::bits(uint64_t i) const {
  const auto b = block(i);
  return (static_cast<uint64_t>(b[1]) << 32) | b[0];
}

double Rng::uniform(uint64_t i) const { return static_cast<double>(bits(i) >> 11) * 0x1.0p-53; }

double Rng::normal(uint64_t i) const {
  const auto b = block(i);
  const uint64_t low = (static_cast<uint64_t>(b[1]) << 32) | b[0];
  const uint64_t high = (static_cast<uint64_t>(b[3]) << 32) | b[2];
  const double u = (static_cast<double>(low >> 11) + 1.0) * 0x1.0p-53;  // (0, 1]: the logarithm stays finite
  const double v = static_cast<double>(high >> 11) * 0x1.0p-53;
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

int64_t Rng::integer(uint64_t i, int64_t n) const {
  // Multiply-shift on 64 bits; the bias of n / 2^64 is far below anything measurable.
  return static_cast<int64_t>((static_cast<unsigned __int128>(bits(i)) * static_cast<uint64_t>(n)) >> 64);
}

std::vector<int64_t> Rng::permutation(int64_t n) const {
  std::vector<int64_t> p(n);
  std::iota(p.begin(), p.end(), 0);
  for (int64_t i = n - 1; i > 0; --i) std::swap(p[i], p[integer(static_cast<uint64_t>(i), i + 1)]);
  return p;
}

}  // namespace nfopt
