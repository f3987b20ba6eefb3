"""The study of a search: its candidates, and where they are kept."""
