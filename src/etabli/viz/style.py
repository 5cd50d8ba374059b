"""One look for every figure: ten colours that colour-blind readers can tell apart, quiet axes."""

from typing import IO, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Paul Tol's "muted" scheme (Colour Schemes, SRON/EPS/TN/09-002, section 2), its grey last; told apart by the
# common colour-vision deficiencies, and by lightness where two hues come near.
CLASS_COLOURS = (
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
# The same hues on a screen, each at least 3 to 1 beside its ground, light or dark: those of the playground's page.
ON_LIGHT = (
    "#332288", "#3c93bd", "#2b9180", "#117733", "#7d7d22", "#a58a1c", "#c05563", "#882255", "#AA4499", "#6b6b6b",
)  # fmt: skip
ON_DARK = (
    "#9a90ee", "#88CCEE", "#44AA99", "#58b878", "#b5b552", "#DDCC77", "#e08a96", "#d58fb4", "#cf7fc3", "#a5a5a5",
)  # fmt: skip
INK = "#24292f"
ACCENT = "#CC6677"

_SETTINGS = {
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


def class_colour(index: int) -> str:
    """The colour of a class; after the tenth they begin again."""
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]


def new_figure(
    panels: tuple[int, int] = (1, 1), size: tuple[float, float] = (7.0, 4.5)
) -> "tuple[Figure, object]":
    """A figure of the house outside of pyplot's global state, with one ``Axes`` or a flat array of them."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**_SETTINGS, "axes.prop_cycle": mpl.cycler(color=CLASS_COLOURS)}):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(*panels, squeeze=False).ravel()
    return figure, axes[0] if axes.size == 1 else np.asarray(axes)


def axes_or_new(ax: object = None, size: tuple[float, float] = (7.0, 4.5)) -> object:
    """The axes given, or new ones in a figure of their own."""
    return new_figure(size=size)[1] if ax is None else ax


def save(figure: "Figure", stream: IO[bytes], image: str = "svg") -> None:
    """Write the figure; equal figures give equal bytes."""
    import matplotlib as mpl

    with mpl.rc_context(_SETTINGS):
        figure.savefig(stream, format=image, metadata={"Date": None} if image == "svg" else None)
