"""A chip that was hardly measured: what it takes for any network, from a few of its networks and what other chips take."""
