"""Storages of a study: a file or a database. `opening` finds out which of them a study uses."""
