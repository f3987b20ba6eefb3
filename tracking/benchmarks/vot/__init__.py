"""What the VOT challenges of several years share: overlaps of runs, fragments of runs between restarts, the files."""
