"""How the options of a supernet share weights, and how one of its networks is run and cut out."""
