"""What benchmarks measure: figures over sequences with intervals, and curves of thresholds."""
