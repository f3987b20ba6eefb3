"""How truly inherited scores rank: architectures trained alone beside the same ones with weights inherited from a supernet."""
