"""What an architecture will cost or score, without running it."""
