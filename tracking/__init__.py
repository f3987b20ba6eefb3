"""The task: sequences, training pairs, trackers and benchmarks. The lowest floor: it imports none of the other packages."""
