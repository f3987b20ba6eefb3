"""From weights to what tracks: graphs, bundles, and the verbs that track with them."""
