"""
Fuzzing of everything that reads bytes from outside: ``python -m tests.fuzz --help``.

A target is a function that takes any bytes and raises if an invariant breaks. Its corpus (``corpus/<target>/``, plain
files that a human can read, and the golden streams) is replayed as tests; what the fuzzer finds goes there too.
"""
