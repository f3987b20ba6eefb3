"""The generated world: video without a camera, for training and tests."""
