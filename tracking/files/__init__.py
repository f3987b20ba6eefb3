"""Files: written whole, read strictly, and what a results folder holds."""
