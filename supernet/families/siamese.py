"""What siamese families share: the parts of their networks, the graphs that are exported, the loss and the tracking procedure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from supernet.families.family import Family, GraphSpec
from supernet.slots import Slot
from supernet.space import Architecture
from tracking.losses import Imitation, Loss
from tracking.trackers.procedure import Settings

if TYPE_CHECKING:
    from torch import nn


class SiameseFamily(Family):
    """A family whose slots have the parts `backbone` (in both branches), `fusion`, `heads.cls` and `heads.reg`, and perhaps `heads.presence`.

    The backbone turns a crop into features. The fusion is one operator, which takes search features first and template features second.
    The head `cls` ends in a map (1, H, W) of logits, the head `reg` in a map (4, H, W) of distances to left, top, right and bottom in px,
    the head `presence` in one logit: is the target in the search crop?
    """

    tracker: str = "siamese"
    radius: float
    """In training, cells up to this Manhattan distance from the target's centre count as the target, as a share of the search crop's side."""
    outputs: tuple[str, ...] = ("cls", "reg")
    """Names of the heads, in order."""

    def assemble(self, filled: Iterable[tuple[Slot, nn.Module]]) -> nn.Module:
        from supernet.families.siamese_network import assemble

        return assemble(filled)

    def graphs(self, arch: Architecture, settings: Settings | None = None) -> tuple[GraphSpec, ...]:
        sizes = settings or self.settings_of(arch)
        last = [op for op in self.operators(arch) if op.branch == "template"][-1]
        shapes = {"template": (1, 3, sizes.template_size, sizes.template_size), "template_features": (1, *last.out_shape)}
        template = GraphSpec("template", {"template": shapes["template"]}, ("template_features",), _template_graph)
        searches = {"search": sizes.search_size, **{f"search_{size}": size for size in sizes.further_search_sizes}}
        return (
            template,
            *(
                GraphSpec(
                    name, {"search": (1, 3, size, size), "template_features": shapes["template_features"]}, self.outputs, _search_graph
                )
                for name, size in searches.items()
            ),
        )

    def loss(self) -> Loss:
        from tracking.losses.siamese import SiameseLoss

        return SiameseLoss(self.radius)

    def imitation(self) -> Imitation:
        from tracking.losses.imitation import MapImitation

        return MapImitation()


def _template_graph(network) -> nn.Module:
    from supernet.families.siamese_network import TemplateGraph

    return TemplateGraph(network)


def _search_graph(network) -> nn.Module:
    from supernet.families.siamese_network import SearchGraph

    return SearchGraph(network)
