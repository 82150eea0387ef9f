#pragma once

/// The version of this source tree; CMake reads it from this line.
#define NFOPT_VERSION "0.1.0"
