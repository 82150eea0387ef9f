#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace nfopt {

/// The processes that work on one run, and where they meet.
struct ProcessGroup {
  int64_t rank = 0;
  int64_t size = 1;
  std::string address;  ///< host of rank 0, which holds the store
  uint16_t port = 29500;
  double timeout = 60;           ///< seconds without a sign of life after which a rank is lost
  double meeting_timeout = 60;   ///< seconds that ranks wait for each other at the start
  bool store_exists = false;     ///< someone else (torchrun's agent) holds the store: rank 0 joins it as the others do
  std::string prefix = "nfopt";  ///< of all keys; torchrun restarts a group under a store that remembers
};

/// Reads the environment that launchers set. Rank and size from the first pair that is there:
///
///   RANK, WORLD_SIZE                                 torchrun (and by hand)
///   OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE       mpirun of Open MPI
///   PMI_RANK, PMI_SIZE                               mpiexec of MPICH, Intel MPI
///   SLURM_PROCID, SLURM_NTASKS                       srun
///
/// and the meeting place from MASTER_ADDR and MASTER_PORT (29500). None of them, or a size of 1: one process.
/// Throws Error that lists all problems: half a pair, numbers out of range, several ranks without an address.
NFOPT_API ProcessGroup process_group_from_environment();

/// The same for any source of variables.
NFOPT_API ProcessGroup
read_process_group(const std::function<std::optional<std::string>(const std::string&)>& variable);

}  // namespace nfopt
