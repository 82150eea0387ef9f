// A shared library that is not ours.
extern "C" int not_a_plugin() { return 1; }
