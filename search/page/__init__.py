"""The HTML page of a search: most modules compute or draw one part of it, and `document.draw` puts the parts together."""
