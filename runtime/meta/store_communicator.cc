#include <c10/util/Exception.h>
#include <c10/util/Logging.h>
#include <netinet/in.h>
#include <nfopt/runtime/meta/store_communicator.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace nfopt {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
using Bytes = std::vector<uint8_t>;

constexpr size_t kChunk = 2 << 20;

Milliseconds milliseconds(double seconds) { return Milliseconds(static_cast<int64_t>(seconds * 1e3) + 1); }

std::string seconds_text(double seconds) {
  std::string text = std::to_string(seconds);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " s";
}

// Calls on connections to `port` that wait for an answer fail from here on. LibTorch waits without a limit, and a machine
// that is cut off closes no connection.
void break_connections(uint16_t port) {
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", code)) {
    const int descriptor = std::atoi(entry.path().filename().c_str());
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &length) != 0) continue;
    uint16_t peer_port = 0;
    if (peer.ss_family == AF_INET) peer_port = ntohs(reinterpret_cast<const sockaddr_in*>(&peer)->sin_port);
    if (peer.ss_family == AF_INET6) peer_port = ntohs(reinterpret_cast<const sockaddr_in6*>(&peer)->sin6_port);
    if (peer_port == port) ::shutdown(descriptor, SHUT_RDWR);
  }
}

// Before the payload, in the first chunk.
struct Header {
  uint64_t size = 0;
  uint64_t farewell = 0;  ///< 1: the payload is the reason for which the rank has left
};

}  // namespace

struct StoreCommunicator::Link {
  ProcessGroup group;
  c10::intrusive_ptr<c10d::TCPStore> store;
  c10::intrusive_ptr<c10d::TCPStore> pulse_store;  // its own connection: the first one is busy while it waits
  int64_t round = 0;
  size_t chunks_now = 0;     // of the own payload in this round
  size_t chunks_before = 0;  // in the round before, still in the store
  int64_t lost_rank = -1;
  bool left = false;

  mutable std::atomic<Clock::rep> asked_at{0};  // when the store was asked what it has not answered; 0: nothing

  std::thread pulse;
  std::mutex mutex;
  std::condition_variable stop;
  bool stopping = false;

  explicit Link(const ProcessGroup& g) : group(g) {
    // LibTorch warns on standard error of every wait that lasts longer than a slice; what matters, we say.
    if (::setenv("TORCH_CPP_LOG_LEVEL", "ERROR", 0) == 0) c10::initLogging();
    store = connect(group.rank == 0 && !group.store_exists);
    pulse_store = connect(false);
    pulse = std::thread([this] { beat(); });
    try {
      meet();
    } catch (...) {
      end_pulse();
      throw;
    }
  }

  ~Link() {
    leave("its part of the run has ended");
    end_pulse();
  }

  std::string key(const std::string& name) const { return group.prefix + "/" + name; }
  std::string chunk_key(int64_t of_round, int64_t rank, size_t chunk) const {
    return key(std::to_string(of_round) + "/" + std::to_string(rank) + "/" + std::to_string(chunk));
  }
  std::string pulse_key(int64_t rank) const { return key("pulse/" + std::to_string(rank)); }
  std::string left_key(int64_t rank) const { return key("left/" + std::to_string(rank)); }

  std::string place() const { return group.address + ":" + std::to_string(group.port); }
  std::string name_of(int64_t rank) const {
    return "rank " + std::to_string(rank) + " of " + std::to_string(group.size);
  }

  // So often a rank looks whether the one it waits for is alive; several times in a timeout.
  Milliseconds slice() const { return milliseconds(std::clamp(group.timeout / 8, 0.02, 5.0)); }

  c10::intrusive_ptr<c10d::TCPStore> connect(bool server) const {
    c10d::TCPStoreOptions options;
    options.port = group.port;
    options.isServer = server;
    options.waitWorkers = false;
    options.timeout = milliseconds(std::max(group.timeout, group.meeting_timeout));
    try {
      return c10::make_intrusive<c10d::TCPStore>(group.address, options);
    } catch (const std::exception& error) {
      if (server)
        throw Error("communicator", "rank 0 cannot hold the store at " + place() +
                                        ": is the port taken, or the address another machine's? " + reason_of(error) +
                                        " Set MASTER_ADDR to the host of rank 0 and MASTER_PORT to a free port.");
      throw LostRank(0, name_of(group.rank) + " cannot reach rank 0 at " + place() + " within " +
                            seconds_text(std::max(group.timeout, group.meeting_timeout)) +
                            ". Are MASTER_ADDR and MASTER_PORT its own, and is it running?");
    }
  }

  static std::string reason_of(const std::exception& error) {
    const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
    const std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
    return text.substr(0, text.find('\n'));
  }

  // ---- signs of life ----

  void beat() {
    int64_t count = 0;
    std::unique_lock lock(mutex);
    while (!stopping) {
      lock.unlock();
      try {
        const std::string text = std::to_string(++count);
        pulse_store->set(pulse_key(group.rank), Bytes(text.begin(), text.end()));
      } catch (const std::exception&) {
        return;  // the store is gone: the exchange itself will say so
      }
      const Clock::rep asked = asked_at;
      if (asked != 0 &&
          Clock::now() - Clock::time_point(Clock::duration(asked)) + slice() > milliseconds(group.timeout))
        break_connections(group.port);
      lock.lock();
      stop.wait_for(lock, slice(), [this] { return stopping; });
    }
  }

  void end_pulse() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    stop.notify_all();
    if (pulse.joinable()) pulse.join();
  }

  // Watches one rank's pulse while it is waited for.
  class Watch {
   public:
    Watch(const Link& link, int64_t rank) : link_(link), rank_(rank), moved_(Clock::now()) {}
    bool lost() {
      const std::string pulse = link_.read(link_.pulse_key(rank_));
      if (pulse != pulse_) moved_ = Clock::now();
      pulse_ = pulse;
      // One slice early: the answer has to be there within the timeout.
      return Clock::now() - moved_ + link_.slice() >= milliseconds(link_.group.timeout);
    }

   private:
    const Link& link_;
    int64_t rank_;
    Clock::time_point moved_;
    std::string pulse_;
  };

  // ---- reading and writing, with the store's absence as a lost rank 0 ----

  template <class Call>
  auto with_store(Call call) const {
    struct Asking {
      std::atomic<Clock::rep>& at;
      ~Asking() { at = 0; }
    } asking{asked_at};
    try {
      asking.at = Clock::now().time_since_epoch().count();
      return call();
    } catch (const c10::Error& error) {
      throw LostRank(0, "rank 0, which holds the store at " + place() + ", does not answer " + name_of(group.rank) +
                            ": " + reason_of(error));
    }
  }

  std::string read(const std::string& name) const {  // "" when it is not there
    return with_store([&]() -> std::string {
      if (!store->check({name})) return {};
      const Bytes bytes = store->get(name);
      return {bytes.begin(), bytes.end()};
    });
  }

  bool arrives(const std::string& name, Milliseconds within) const {
    return with_store([&] {
      if (store->check({name})) return true;
      try {
        store->wait({name}, within);
        return true;
      } catch (const c10::DistStoreError&) {
        return false;
      }
    });
  }

  void publish(std::string_view payload, bool farewell) {
    const Header header{payload.size(), farewell ? 1u : 0u};
    std::string all(sizeof header, '\0');
    std::memcpy(all.data(), &header, sizeof header);
    all += payload;
    const size_t chunks = (all.size() + kChunk - 1) / kChunk;
    with_store([&] {
      for (size_t chunk = chunks; chunk-- > 0;) {
        const auto begin = all.begin() + static_cast<int64_t>(chunk * kChunk);
        const auto end = all.begin() + static_cast<int64_t>(std::min(all.size(), (chunk + 1) * kChunk));
        asked_at = Clock::now().time_since_epoch().count();
        store->set(chunk_key(round, group.rank, chunk), Bytes(begin, end));
      }
    });
    chunks_now = chunks;
  }

  std::string receive(int64_t rank) {
    const std::string first = chunk_key(round, rank, 0);
    Watch watch(*this, rank);
    while (!arrives(first, slice())) {
      if (!watch.lost()) continue;
      lost_rank = rank;
      throw LostRank(rank, name_of(rank) + " gives no sign of life since " + seconds_text(group.timeout) +
                               ": its process was killed or its machine is gone.");
    }
    return with_store([&] {
      const Bytes head = store->get(first);
      Header header;
      std::memcpy(&header, head.data(), std::min(sizeof header, head.size()));
      std::string payload(head.begin() + sizeof header, head.end());
      for (size_t chunk = 1; payload.size() < header.size; ++chunk) {
        asked_at = Clock::now().time_since_epoch().count();
        const Bytes next = store->get(chunk_key(round, rank, chunk));
        payload.append(next.begin(), next.end());
      }
      if (header.farewell != 0) throw LostRank(rank, name_of(rank) + " has left: " + payload);
      return payload;
    });
  }

  void remove_round_before() {
    with_store([&] {
      for (size_t chunk = 0; chunk < chunks_before; ++chunk) store->deleteKey(chunk_key(round - 1, group.rank, chunk));
    });
    chunks_before = chunks_now;
  }

  // ---- beginning and end ----

  void meet() {
    const Clock::time_point end = Clock::now() + milliseconds(group.meeting_timeout);
    std::vector<int64_t> missing;
    for (int64_t rank = 0; rank < group.size; ++rank) {
      bool here = false;
      do {
        const auto left_over = std::chrono::duration_cast<Milliseconds>(end - Clock::now());
        here = arrives(pulse_key(rank), std::clamp(left_over, Milliseconds(1), slice()));
      } while (!here && Clock::now() < end);
      if (!here) missing.push_back(rank);
    }
    if (missing.empty()) return;
    // The others are to come to the same end before the store goes.
    if (group.rank == 0) std::this_thread::sleep_for(std::min(slice(), Milliseconds(500)));
    std::string text;
    for (const int64_t rank : missing) text += (text.empty() ? "" : ", ") + std::to_string(rank);
    throw LostRank(missing.front(), "of " + std::to_string(group.size) + " ranks expected at " + place() + ", rank " +
                                        text + " did not come within " + seconds_text(group.meeting_timeout) + ".");
  }

  // Rank 0 stays until the others have taken what they still read: the store ends with it.
  void leave(const std::string& reason) noexcept {
    if (left) return;
    left = true;
    try {
      publish(reason, true);
      store->set(left_key(group.rank), Bytes{1});
      if (group.rank != 0) return;
      for (int64_t rank = 1; rank < group.size; ++rank) {
        if (rank == lost_rank) continue;
        Watch watch(*this, rank);
        while (!arrives(left_key(rank), slice()) && !watch.lost()) {
        }
      }
    } catch (const std::exception&) {  // whoever could have read it is gone
    }
  }
};

StoreCommunicator::StoreCommunicator(const ProcessGroup& group) : link_(std::make_unique<Link>(group)) {}
StoreCommunicator::~StoreCommunicator() = default;

int64_t StoreCommunicator::rank() const { return link_->group.rank; }
int64_t StoreCommunicator::size() const { return link_->group.size; }

std::vector<std::string> StoreCommunicator::all_gather(std::string_view payload) {
  link_->publish(payload, false);
  std::vector<std::string> all;
  for (int64_t rank = 0; rank < link_->group.size; ++rank)
    all.push_back(rank == link_->group.rank ? std::string(payload) : link_->receive(rank));
  link_->remove_round_before();
  ++link_->round;
  return all;
}

void StoreCommunicator::leave(const std::string& reason) noexcept { link_->leave(reason); }

int64_t StoreCommunicator::keys() const { return link_->store->getNumKeys(); }

}  // namespace nfopt
