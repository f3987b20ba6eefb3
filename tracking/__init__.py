"""The task: sequences, training pairs, trackers and benchmarks. This is the lowest floor: it imports none of the other packages."""
