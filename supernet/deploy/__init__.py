"""From weights to trackers: graphs, bundles, and the verbs that export, track and evaluate."""
