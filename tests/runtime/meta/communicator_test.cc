// Groups of processes: threads stand for ranks where nothing dies, processes of their own where something does.

#include <gtest/gtest.h>
#include <nfopt/runtime/meta/communicator.h>
#include <nfopt/runtime/meta/store_communicator.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <thread>

#include "tests/runtime/meta/free_port.h"

namespace nfopt {
namespace {

using Clock = std::chrono::steady_clock;
using testing::free_port;

ProcessGroup group_of(int64_t size, double timeout = 20) {
  ProcessGroup group;
  group.size = size;
  group.address = "127.0.0.1";
  group.port = free_port();
  group.timeout = timeout;
  group.meeting_timeout = 20;
  return group;
}

ProcessGroup with_rank(ProcessGroup group, int64_t rank) {
  group.rank = rank;
  return group;
}

// `work` for every rank at once, each in a thread.
void run_ranks(const ProcessGroup& group, const std::function<void(StoreCommunicator&)>& work) {
  std::vector<std::thread> ranks;
  for (int64_t rank = 0; rank < group.size; ++rank)
    ranks.emplace_back([&, rank] {
      StoreCommunicator communicator(with_rank(group, rank));
      work(communicator);
    });
  for (std::thread& rank : ranks) rank.join();
}

std::string message_of(const std::function<void()>& call, int64_t expected_rank) {
  try {
    call();
  } catch (const LostRank& lost) {
    EXPECT_EQ(lost.rank(), expected_rank) << lost.what();
    return lost.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

// A rank in a process of its own that does `work` and then kills itself.
pid_t rank_that_dies(const ProcessGroup& group, int64_t rank, const std::function<void(StoreCommunicator&)>& work) {
  const pid_t process = ::fork();
  if (process != 0) return process;
  StoreCommunicator communicator(with_rank(group, rank));
  work(communicator);
  ::raise(SIGKILL);
  ::_exit(1);
}

// Rank 0 takes the store with it: it may go once the others are through with the first exchange, which the second proves.
void barrier_twice(StoreCommunicator& communicator) {
  communicator.barrier();
  communicator.barrier();
}

void wait_for(pid_t process) {
  int status = 0;
  ::waitpid(process, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
}

TEST(Communicator, EveryRankReceivesEveryPayloadInRankOrder) {
  const auto payload = [](int64_t rank, int64_t round) {
    // Empty, small, and larger than one message of the store may be.
    const size_t size = rank == 1 && round == 2 ? (9 << 20) + 5 : static_cast<size_t>(rank * round * 7);
    std::string text(size, static_cast<char>('a' + rank));
    for (size_t i = 0; i < text.size(); i += 1000) text[i] = static_cast<char>(i / 1000 + static_cast<size_t>(round));
    return text;
  };
  run_ranks(group_of(3), [&](StoreCommunicator& communicator) {
    for (int64_t round = 0; round < 4; ++round) {
      const std::vector<std::string> all = communicator.all_gather(payload(communicator.rank(), round));
      ASSERT_EQ(all.size(), 3u);
      for (int64_t rank = 0; rank < 3; ++rank)
        EXPECT_TRUE(all[static_cast<size_t>(rank)] == payload(rank, round)) << "rank " << rank << ", round " << round;
    }
  });
}

TEST(Communicator, TheStoreDoesNotGrow) {
  std::map<int64_t, int64_t> keys;  // after so many rounds
  run_ranks(group_of(2), [&](StoreCommunicator& communicator) {
    for (int64_t round = 1; round <= 200; ++round) {
      communicator.all_gather(std::string(16000, 'x'));
      if (communicator.rank() == 0 && (round == 10 || round == 200)) keys[round] = communicator.keys();
      communicator.barrier();
    }
  });
  EXPECT_LE(keys[200], keys[10] + 2);
}

TEST(Communicator, AKilledRankIsNamedWithinTheTimeout) {
  const ProcessGroup group = group_of(2, 1.0);
  const pid_t process = rank_that_dies(group, 1, [](StoreCommunicator& other) { other.barrier(); });
  StoreCommunicator communicator(group);
  communicator.barrier();
  wait_for(process);
  const Clock::time_point begin = Clock::now();
  const std::string message = message_of([&] { communicator.barrier(); }, 1);
  EXPECT_LE(std::chrono::duration<double>(Clock::now() - begin).count(), 1.5);
  EXPECT_NE(message.find("rank 1 of 2 gives no sign of life since 1 s"), std::string::npos) << message;
}

TEST(Communicator, AKilledRankZeroIsNamedByTheOthers) {
  const ProcessGroup group = group_of(2, 1.0);
  const pid_t process = rank_that_dies(group, 0, barrier_twice);
  StoreCommunicator communicator(with_rank(group, 1));
  communicator.barrier();
  const std::string message = message_of([&] { barrier_twice(communicator); }, 0);
  wait_for(process);
  EXPECT_NE(message.find("which holds the store at 127.0.0.1"), std::string::npos) << message;
}

TEST(Communicator, AStoreThatFallsSilentIsALostRankZero) {
  const ProcessGroup group = group_of(2, 1.0);
  // Stopped, it keeps its connections, as a machine that was cut off would seem to.
  const pid_t process = rank_that_dies(group, 0, [](StoreCommunicator& other) {
    barrier_twice(other);
    ::raise(SIGSTOP);
  });
  StoreCommunicator communicator(with_rank(group, 1));
  communicator.barrier();
  const Clock::time_point begin = Clock::now();
  message_of([&] { barrier_twice(communicator); }, 0);
  EXPECT_LE(std::chrono::duration<double>(Clock::now() - begin).count(), 2.5);
  int status = 0;
  ::waitpid(process, &status, WUNTRACED);
  ASSERT_TRUE(WIFSTOPPED(status));
  ::kill(process, SIGKILL);
  ::waitpid(process, &status, 0);
}

TEST(Communicator, ARankThatTakesLongIsNotLost) {
  run_ranks(group_of(2, 0.6), [](StoreCommunicator& communicator) {
    if (communicator.rank() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(1800));
    EXPECT_EQ(communicator.all_gather("done").size(), 2u);
  });
}

TEST(Communicator, ARankThatLeavesSaysWhy) {
  run_ranks(group_of(3), [](StoreCommunicator& communicator) {
    communicator.barrier();
    if (communicator.rank() == 2) return communicator.leave("[data] the file is missing.");
    const Clock::time_point begin = Clock::now();
    const std::string message = message_of([&] { communicator.barrier(); }, 2);
    EXPECT_NE(message.find("rank 2 of 3 has left: [data] the file is missing."), std::string::npos) << message;
    EXPECT_LE(std::chrono::duration<double>(Clock::now() - begin).count(), 5.0) << "the timeout is 20 s";
  });
}

TEST(Communicator, RanksThatNeverCameAreListed) {
  ProcessGroup group = group_of(4);
  group.meeting_timeout = 0.5;
  std::thread other([&] { message_of([&] { StoreCommunicator communicator(with_rank(group, 2)); }, 1); });
  const std::string message = message_of([&] { StoreCommunicator communicator(group); }, 1);
  other.join();
  EXPECT_NE(message.find("rank 1, 3 did not come within 0.5 s"), std::string::npos) << message;
}

TEST(Communicator, APortThatIsTakenIsAClearError) {
  const ProcessGroup group = group_of(2);
  std::thread other([&] { StoreCommunicator communicator(with_rank(group, 1)); });
  {
    StoreCommunicator communicator(group);
    EXPECT_THROW(
        {
          try {
            StoreCommunicator second(group);
          } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find("MASTER_PORT"), std::string::npos) << error.what();
            throw;
          }
        },
        Error);
  }
  other.join();
}

TEST(Communicator, OneProcessNeedsNoStore) {
  const std::unique_ptr<Communicator> alone = make_communicator({});
  EXPECT_EQ(alone->size(), 1);
  EXPECT_EQ(alone->all_gather("x"), std::vector<std::string>{"x"});
  alone->barrier();
}

TEST(Communicator, SharesAreContiguousAndCoverEverything) {
  for (int64_t items : {0, 1, 5, 16})
    for (int64_t size : {1, 2, 3, 7}) {
      int64_t next = 0;
      for (int64_t rank = 0; rank < size; ++rank) {
        const RankShare share = share_of(items, rank, size);
        EXPECT_EQ(share.begin, next);
        EXPECT_LE(std::abs((share.end - share.begin) * size - items), size - 1);
        next = share.end;
      }
      EXPECT_EQ(next, items);
    }
}

ProcessGroup read(const std::map<std::string, std::string>& variables) {
  return read_process_group([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return {};
    return found->second;
  });
}

TEST(ProcessGroup, ReadsWhatLaunchersSet) {
  EXPECT_EQ(read({}).size, 1);
  EXPECT_EQ(read({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "1"}}).size, 1);
  for (const auto& [rank, size] : std::map<std::string, std::string>{{"RANK", "WORLD_SIZE"},
                                                                     {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                                                     {"PMI_RANK", "PMI_SIZE"},
                                                                     {"SLURM_PROCID", "SLURM_NTASKS"}}) {
    const ProcessGroup group = read({{rank, "2"}, {size, "3"}, {"MASTER_ADDR", "node7"}, {"MASTER_PORT", "4000"}});
    EXPECT_EQ(group.rank, 2) << rank;
    EXPECT_EQ(group.size, 3) << rank;
    EXPECT_EQ(group.address, "node7");
    EXPECT_EQ(group.port, 4000);
  }
  const ProcessGroup torchrun = read({{"RANK", "0"},
                                      {"WORLD_SIZE", "2"},
                                      {"MASTER_ADDR", "a"},
                                      {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                      {"SLURM_PROCID", "5"},
                                      {"SLURM_NTASKS", "9"}});
  EXPECT_TRUE(torchrun.store_exists);
  EXPECT_EQ(torchrun.size, 2) << "torchrun's variables come first";
  EXPECT_EQ(torchrun.port, 29500);
}

TEST(ProcessGroup, ListsEverythingThatIsWrong) {
  const auto problem = [](const std::map<std::string, std::string>& variables) -> std::string {
    try {
      read(variables);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(problem({{"RANK", "1"}}).find("RANK is set, WORLD_SIZE is not"), std::string::npos);
  EXPECT_NE(
      problem({{"RANK", "3"}, {"WORLD_SIZE", "3"}, {"MASTER_ADDR", "a"}}).find("RANK: expected an integer from 0 to 2"),
      std::string::npos);
  const std::string two = problem({{"RANK", "x"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "99999"}});
  for (const char* part : {"received 'x'", "MASTER_ADDR is not set", "received '99999'"})
    EXPECT_NE(two.find(part), std::string::npos) << two;
}

}  // namespace
}  // namespace nfopt
