"""Files that are written whole and read strictly, results folders, and the display of progress."""
