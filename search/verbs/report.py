"""The verb `report`: the interactive page of a search."""

from __future__ import annotations

from pathlib import Path

from search.page.data import collect
from tracking.files.atomic import write_text


def report(run: Path) -> Path:
    """Write the interactive page of a search.

    Args:
        run: Folder that `chiptrack search` wrote; an unfinished one shows what there is.

    Returns:
        The page, `report.html` in that folder.

    Raises:
        FileNotFoundError: There is no search in the folder.
        ValueError: A file in it cannot be read.
    """
    from search.page.document import draw  # plotly takes a while to import, and whoever only searches does not need it yet

    path = Path(run) / "report.html"
    write_text(path, draw(collect(Path(run))))
    return path
