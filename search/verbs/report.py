"""The verb `report`: the interactive HTML page of an architecture search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from search.page.data import collect
from tracking.files.atomic import write_text
from tracking.files.guard import Reads


def report(run: Annotated[Path, Reads()]) -> dict:
    """Write the interactive HTML page of an architecture search: its candidates, their trade-offs and the recommended one.

    The page is `report.html` in the folder of the search; an existing page is replaced.

    Args:
        run: Folder that `chiptrack search` wrote. The page of an unfinished search shows the candidates so far and recommends none.

    Returns:
        `report`, the path of the page.

    Raises:
        FileNotFoundError: The folder holds no search.
        ValueError: A file in it cannot be read.
        ConnectionError: The study's database does not answer.
        ImportError: The driver of the study's database is not installed.
    """
    from search.page.document import draw  # plotly takes a while to import, and a search needs it only when it has ended

    path = Path(run) / "report.html"
    write_text(path, draw(collect(Path(run))))
    return {"report": str(path)}
