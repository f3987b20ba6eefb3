"""Which architectures are worth building: multi-objective search over a family, its study, its front and its report."""
