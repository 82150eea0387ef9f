#pragma once

/// Marks what a shared library of ours exports. Everything else is hidden (-fvisibility=hidden), so that two plugins
/// can never collide in a symbol that neither of them meant to publish.
#define NFOPT_API __attribute__((visibility("default")))
