"""Every architecture of a family, and one network that holds all their weights."""
