# Third-party packages except LibTorch. On Debian 12 scripts/setup installs all of them.

find_package(Threads REQUIRED)
find_package(Boost 1.74 REQUIRED)          # Boost.DLL, header-only
find_package(TBB REQUIRED)
find_package(hwy 1.0 REQUIRED)             # Highway: SIMD with run-time dispatch
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ZLIB REQUIRED)

if(NOT TARGET yaml-cpp::yaml-cpp)          # 0.7 exports yaml-cpp, 0.8 yaml-cpp::yaml-cpp
  add_library(nfopt_yaml INTERFACE)
  target_link_libraries(nfopt_yaml INTERFACE yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS nfopt_yaml)
endif()

# BOOST_DLL_USE_STD_FS changes Boost.DLL's types, so it is defined in this one place.
add_library(nfopt_boost_dll INTERFACE)
add_library(nfopt::boost_dll ALIAS nfopt_boost_dll)
target_compile_definitions(nfopt_boost_dll INTERFACE BOOST_DLL_USE_STD_FS)
target_link_libraries(nfopt_boost_dll INTERFACE Boost::headers ${CMAKE_DL_LIBS})
