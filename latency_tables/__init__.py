"""What the operators and some whole networks of a family cost on a device, measured."""
