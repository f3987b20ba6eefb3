"""The command-line verbs `search`, `report`, `dashboard` and `demo`."""
