"""What the verb `evaluate` is made of."""
