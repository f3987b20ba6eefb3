"""Who judges candidates, on what, and what their differences are worth."""
