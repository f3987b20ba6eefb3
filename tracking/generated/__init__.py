"""The generated world: artificial video with known boxes, for training and tests."""
