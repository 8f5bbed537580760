// ThreadSanitizer does not see the atomics of the runtime, which is not built with it, and takes what they order for
// races.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:libonnxruntime.so\n"; }
