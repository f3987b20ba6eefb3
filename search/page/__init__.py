"""How the page of a search is drawn: its parts, and `document.draw`, which puts them together."""
