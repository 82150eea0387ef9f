# cmake -DMODULE=cmake/LibTorch.cmake -DWORK=.. -DCOMPILER=.. -DVERSION=2.11.0 -P libtorch_order.cmake
#
# LibTorch is looked for in the documented order; the first hit wins, another version is passed over, a miss names every
# place. The installations here are empty files in the right places.

set(source "${CMAKE_CURRENT_LIST_DIR}/libtorch_order")
file(REMOVE_RECURSE "${WORK}")
string(REPLACE "." ";" numbers "${VERSION}")
list(GET numbers 0 major)
list(GET numbers 1 minor)
list(GET numbers 2 patch)

function(install_empty root major minor patch)
  file(WRITE "${root}/lib/libtorch_cpu.so" "")
  file(WRITE "${root}/include/torch/headeronly/version.h"
    "#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH ${patch}\n")
endfunction()

install_empty("${WORK}/stated" ${major} ${minor} ${patch})
install_empty("${WORK}/torch_dir" ${major} ${minor} ${patch})
file(WRITE "${WORK}/torch_dir/share/cmake/Torch/TorchConfig.cmake" "")
install_empty("${WORK}/prefix/torch" ${major} ${minor} ${patch})
install_empty("${WORK}/python/torch" ${major} ${minor} ${patch})
file(WRITE "${WORK}/python/torch/__init__.py" "")
install_empty("${WORK}/cache/libtorch-${VERSION}/torch" ${major} ${minor} ${patch})
install_empty("${WORK}/old/torch" 1 13 0)
file(MAKE_DIRECTORY "${WORK}/nothing")

# expect(text arguments..): configuring with these arguments, it must say `text`.
function(expect text)
  file(REMOVE_RECURSE "${WORK}/build")
  execute_process(COMMAND ${CMAKE_COMMAND} -S "${source}" -B "${WORK}/build" -G "${GENERATOR}" -DLIBTORCH_MODULE=${MODULE}
      -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER_WORKS=ON ${ARGN}
    OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " flowing "${output}")  # CMake breaks lines where the paths' lengths make it
  string(FIND "${flowing}" "${text}" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "[package] ${ARGN}: expected '${text}', received:\n${output}")
  endif()
endfunction()

set(ENV{PYTHONPATH} "${WORK}/python")
set(ENV{NFOPT_CACHE} "${WORK}/cache")
set(ENV{CMAKE_PREFIX_PATH} "")
set(all -DNFOPT_LIBTORCH=${WORK}/stated -DTorch_DIR=${WORK}/torch_dir/share/cmake/Torch -DCMAKE_PREFIX_PATH=${WORK}/prefix)
expect("LibTorch: ${WORK}/stated" ${all})
list(REMOVE_AT all 0)
expect("LibTorch: ${WORK}/torch_dir" ${all})
list(REMOVE_AT all 0)
expect("LibTorch: ${WORK}/prefix/torch" ${all})
expect("LibTorch: ${WORK}/python/torch")
set(ENV{PYTHONPATH} "${WORK}/nothing")
expect("LibTorch: ${WORK}/cache/libtorch-${VERSION}/torch" -DNFOPT_PYTHON=OFF)
expect("LibTorch: ${WORK}/cache/libtorch-${VERSION}/torch" -DNFOPT_PYTHON=OFF -DCMAKE_PREFIX_PATH=${WORK}/old)
set(ENV{NFOPT_CACHE} "${WORK}/nothing")
expect("${WORK}/old/torch: LibTorch 1.13.0, expected ${VERSION}" -DNFOPT_PYTHON=OFF -DCMAKE_PREFIX_PATH=${WORK}/old)
expect("${WORK}/nothing/libtorch-${VERSION}/torch: no lib/libtorch_cpu.so" -DNFOPT_PYTHON=OFF)
expect("NFOPT_LIBTORCH='${WORK}/nothing' has no" -DNFOPT_LIBTORCH=${WORK}/nothing)
