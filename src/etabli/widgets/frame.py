"""A page in a frame of a notebook, without access to the notebook."""

from functools import cache
from typing import TYPE_CHECKING, Any

from etabli.core.errors import MissingExtra
from etabli.core.i18n import _

if TYPE_CHECKING:
    from typing import Protocol

    class Frame(Protocol):
        """The widget: its page, its height in pixels, and the selected indices."""

        page: str
        height: int
        selected: list[int]


# The page has no origin of its own: it cannot read the notebook, its cookies or its kernel.
_SCRIPT = """
function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts allow-downloads");
  frame.style.cssText = "width: 100%; border: 0";
  frame.style.height = `${model.get("height")}px`;
  frame.srcdoc = model.get("page");
  const listen = ({ source, data }) => {
    if (source !== frame.contentWindow || !Array.isArray(data?.selected)) return;
    const selected = data.selected.filter(Number.isInteger);
    if (selected.join() === model.get("selected").join()) return;
    model.set("selected", selected);
    model.save_changes();
  };
  addEventListener("message", listen);
  el.append(frame);
  return () => removeEventListener("message", listen);
}
export default { render };
"""


@cache
def _frame_class() -> type:
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise MissingExtra("anywidget", "notebook", _("a widget in a notebook")) from error

    class PageFrame(anywidget.AnyWidget):
        _esm = _SCRIPT
        page = traitlets.Unicode().tag(sync=True)
        height = traitlets.Int(640).tag(sync=True)
        selected = traitlets.List(traitlets.Int()).tag(sync=True)

        def __repr__(self) -> str:
            return f"PageFrame({len(self.page):,} characters, {len(self.selected)} selected)"

    return PageFrame


def make_frame(page: str, height: int) -> Any:
    """Create the widget of a page. Raises ``MissingExtra`` without anywidget."""
    return _frame_class()(page=page, height=height)
