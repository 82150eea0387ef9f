#include <dlfcn.h>
#include <nfopt/nflayers/kernels/cuda/cuda_kernels.h>
#include <nfopt/nflayers/kernels/no_cuda/no_cuda_kernels.h>
#include <nfopt/nflayers/spec/version.h>

#include <filesystem>
#include <memory>

namespace nfopt {
namespace {

/// "" when the driver sees a GPU. Asked before anything else: the CUDA libraries of LibTorch take gigabytes.
std::string why_no_gpu() {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return "this machine has no NVIDIA driver (libcuda.so.1). Use the CPU.";
  const auto initialize = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
  const auto count_devices = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDeviceGetCount"));
  int devices = 0;
  if (initialize == nullptr || count_devices == nullptr || initialize(0) != 0 || count_devices(&devices) != 0 ||
      devices == 0)
    return "the NVIDIA driver reports no GPU. Check nvidia-smi and CUDA_VISIBLE_DEVICES, or use the CPU.";
  return "";
}

std::filesystem::path beside_this_library(const char* file) {
  Dl_info info{};
  const bool found = dladdr(reinterpret_cast<const void*>(&cuda_kernels), &info) != 0 && info.dli_fname != nullptr;
  return found ? std::filesystem::path(info.dli_fname).parent_path() / file : std::filesystem::path(file);
}

// Never unloaded: tensors may outlive every other reference to it.
const CudaKernels* load(std::string& why_not) {
  const std::filesystem::path path = beside_this_library("libnfopt_cuda.so");
  std::error_code ignored;
  if (path.has_parent_path() && !std::filesystem::exists(path, ignored)) {
    why_not = "this nfopt was built without CUDA kernels ('" + path.string() +
              "' does not exist). Configure with -DNFOPT_CUDA=ON, or use the CPU.";
    return nullptr;
  }
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    why_not = "the CUDA kernels cannot be loaded: " + std::string(reason != nullptr ? reason : "unknown reason") +
              ". Install LibTorch's CUDA libraries (pip install torch with its dependencies), or use the CPU.";
    return nullptr;
  }
  const auto version = reinterpret_cast<const char* (*)()>(dlsym(library, "nfopt_cuda_version"));
  const auto kernels = reinterpret_cast<const CudaKernels* (*)()>(dlsym(library, "nfopt_cuda_kernels"));
  const std::string built_for = version != nullptr ? version() : "unknown";
  if (kernels == nullptr || built_for != NFOPT_VERSION) {
    why_not = "'" + path.string() + "' belongs to another nfopt: expected version " NFOPT_VERSION ", received " +
              built_for + ". Build and install them together.";
    return nullptr;
  }
  return kernels();
}

const CudaKernels* find_kernels() {
  std::string why_not = why_no_gpu();
  const CudaKernels* found = why_not.empty() ? load(why_not) : nullptr;
  return found != nullptr ? found : no_cuda_kernels(why_not).release();
}

}  // namespace

CudaKernels::~CudaKernels() = default;

const CudaKernels& cuda_kernels() {
  static const CudaKernels* kernels = find_kernels();
  return *kernels;
}

}  // namespace nfopt
