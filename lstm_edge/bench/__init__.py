"""How long a file takes: interleaved timings, starts in new processes, memory."""
