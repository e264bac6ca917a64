"""What clients speak. One module for each API, pure; chat completions is the inner dialect, others translate to it."""
