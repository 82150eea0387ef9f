#include <ATen/Parallel.h>
#include <nfopt/runtime/meta/side_by_side.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <torch/types.h>

#include <atomic>

namespace nfopt {
namespace {

class SingleIntraOpThread {
 public:
  SingleIntraOpThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~SingleIntraOpThread() { at::set_num_threads(before_); }
  SingleIntraOpThread(const SingleIntraOpThread&) = delete;
  SingleIntraOpThread& operator=(const SingleIntraOpThread&) = delete;

 private:
  int before_;
};

class FlushDenormals {
 public:
  FlushDenormals() { at::globalContext().setFlushDenormal(true); }
  ~FlushDenormals() { at::globalContext().setFlushDenormal(false); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
};

}  // namespace

void side_by_side(size_t count, const std::function<void(size_t)>& job) {
  const SingleIntraOpThread single;
  std::atomic<size_t> next = 0;
  const auto run_next = [&](size_t) {
    // LibTorch keeps the number per thread; this one may have been made before it was set.
    if (at::get_num_threads() != 1) at::set_num_threads(1);
    const FlushDenormals flush;
    tbb::this_task_arena::isolate([&] { job(next++); });
  };
  tbb::parallel_for(size_t{0}, count, run_next, tbb::simple_partitioner());
}

}  // namespace nfopt
