"""The style of every figure: ten colors safe for color-blind readers, light grid, no frame."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Paul Tol's "muted" scheme (Colour Schemes, SRON/EPS/TN/09-002, section 2), its gray last: distinct
# under the common color-vision deficiencies, and by lightness where two hues are close.
CLASS_COLORS = (
    "#332288",
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#999933",
    "#DDCC77",
    "#CC6677",
    "#882255",
    "#AA4499",
    "#777777",
)
# The same hues on a screen, with a contrast of at least 3 to 1 against a light or dark background
# (WCAG 2.2, 1.4.11); the playground's style sheet has the same values.
COLORS_ON_LIGHT = (
    *("#332288", "#3c93bd", "#2b9180", "#117733", "#7d7d22"),
    *("#a58a1c", "#c05563", "#882255", "#AA4499", "#6b6b6b"),
)
COLORS_ON_DARK = (
    *("#9a90ee", "#88CCEE", "#44AA99", "#58b878", "#b5b552"),
    *("#DDCC77", "#e08a96", "#d58fb4", "#cf7fc3", "#a5a5a5"),
)
INK = "#24292f"
ACCENT = "#CC6677"

_RC_PARAMS: dict[Any, Any] = {
    "figure.dpi": 110,
    "savefig.dpi": 130,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#8c959f",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "image.cmap": "gray_r",
    "svg.hashsalt": "etabli",
}


def class_color(index: int) -> str:
    """Return the color of a class; colors repeat after the tenth."""
    return CLASS_COLORS[index % len(CLASS_COLORS)]


def create_figure(
    panels: tuple[int, int] = (1, 1), size: tuple[float, float] = (7.0, 4.5)
) -> tuple[Figure, Any]:
    """Create a styled figure outside pyplot's global state, with one ``Axes`` or a flat array."""
    import matplotlib as mpl
    from cycler import cycler
    from matplotlib.figure import Figure

    with mpl.rc_context({**_RC_PARAMS, "axes.prop_cycle": cycler(color=CLASS_COLORS)}):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(*panels, squeeze=False).ravel()
    return figure, axes[0] if axes.size == 1 else axes


def get_axes(ax: Axes | None = None, size: tuple[float, float] = (7.0, 4.5)) -> Axes:
    """Return the given axes, or those of a new figure."""
    return create_figure(size=size)[1] if ax is None else ax


def show_percent(axis: Axis) -> None:
    """Write the ticks of an axis of shares in percent, as scores are written everywhere."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))


def save_figure(figure: Figure, stream: IO[bytes], image: str = "svg") -> None:
    """Write the figure; equal figures give equal bytes."""
    import matplotlib as mpl

    with mpl.rc_context(_RC_PARAMS):
        figure.savefig(stream, format=image, metadata={"Date": None} if image == "svg" else None)
