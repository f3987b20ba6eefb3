"""What a search optimises, what limits it, and which architectures meet the limits."""
