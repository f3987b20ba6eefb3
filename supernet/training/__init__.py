"""Learning weights: one loop for supernets and single networks, and what surrounds it."""
