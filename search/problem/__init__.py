"""What a search is about: objectives, limits, and which architectures meet them."""
