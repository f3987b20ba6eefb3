"""Where a study is kept; `opening` knows which."""
