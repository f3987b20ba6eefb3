"""A zero-cost score: what can be said of an architecture from one backward pass at random weights.

Source: SynFlow (Tanaka et al., NeurIPS 2020), as a predictor of accuracy (Abdelfattah et al., Zero-cost proxies for lightweight NAS, ICLR
2021): with all weights replaced by their absolute values and an input of ones, the sum over all weights of |weight * gradient|.
"""

from __future__ import annotations

import math

import torch

from supernet.families.family import Family
from supernet.space import Architecture
from supernet.training.initialise import initialise


def synflow(family: Family, arch: Architecture) -> float:
    """Logarithm of the SynFlow score of the score map `cls` of an architecture, with random weights of seed 0.

    Raises:
        ArithmeticError: The score is not a positive finite number.
    """
    network = family.network(arch)
    initialise(network, 0)
    network.double().eval()  # deep products of positive numbers leave the range of single precision
    with torch.no_grad():
        for weight in network.parameters():
            weight.abs_()
    sizes = family.settings_of(arch)
    crops = (torch.ones(1, 3, side, side, dtype=torch.float64) for side in (sizes.template_size, sizes.search_size))
    network(*crops)[0].sum().backward()
    products = [weight.detach() * weight.grad for weight in network.parameters() if weight.grad is not None]
    score = sum(float(product.abs().sum()) for product in products)
    if not (math.isfinite(score) and score > 0):
        raise ArithmeticError(
            f"a SynFlow score must be positive and finite, that of {arch.name:.200} is {score}; this is a mistake of ours"
        )
    return math.log(score)
