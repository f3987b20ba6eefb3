"""Training: one loop for supernets and single networks, its data and settings, and the verbs that train."""
