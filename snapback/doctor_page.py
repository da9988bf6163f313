"""What `snapback doctor` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from snapback import render

if TYPE_CHECKING:
    from snapback.doctor import Line


def doctor_row(line: Line) -> Table:
    tone = {"ok": "green", "broken": "bold red", "unknown": "yellow"}[line.state]
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(width=16)
    grid.add_column(width=7, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    found = Text("\n").join([render.styled(line.found), *([render.styled(line.do, "dim")] if line.do else [])])
    grid.add_row(render.styled(line.what), render.styled(line.state, tone), found)
    return grid
