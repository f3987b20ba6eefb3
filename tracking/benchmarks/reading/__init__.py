"""How annotations and results lie in files: rows of numbers, folders and zips of them, and records."""
