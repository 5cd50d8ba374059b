"""Results as a notebook shows them: tables in HTML, and pandas data frames."""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from etabli.core.errors import MissingExtra

if TYPE_CHECKING:
    import pandas as pd


def format_table(columns: Sequence[str], rows: Sequence[Sequence[object]], limit: int = 20) -> str:
    """Return rows as an HTML table for a notebook; of more than ``limit``, the first ones."""

    def cells(tag: str, row: Sequence[object]) -> str:
        return "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in row)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows[:limit])
    more = f"<p>… {len(rows) - limit:,} more rows</p>" if len(rows) > limit else ""
    return (
        f"<table><thead><tr>{cells('th', columns)}</tr></thead><tbody>{body}</tbody></table>{more}"
    )


def make_data_frame(columns: dict[str, Any]) -> "pd.DataFrame":
    """Return columns as a pandas DataFrame. Raises ``MissingExtra`` without pandas."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtra("pandas", "pandas", "to_pandas()") from error
    return pd.DataFrame(columns)
