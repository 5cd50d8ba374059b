"""MkDocs hooks: equations as SVG, French non-breaking spaces, icon, notebooks, playground."""

import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import notebooks
import site_math

from etabli.web.publishing import publish

HOME = Path(__file__).parent.parent
ICON = HOME / "src" / "etabli" / "web" / "static" / "icon.svg"
PLAYGROUND = "play"
LITERAL = re.compile(r"(```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$)", re.DOTALL)
NOTEBOOK_LABELS = {"en": "This page as a notebook", "fr": "Cette page sous forme de notebook"}


def on_page_markdown(markdown: str, *, page, **_kwargs: object) -> str:
    """Insert non-breaking spaces before « : ; ! ? % » and inside quotation marks."""
    if not page.file.src_uri.endswith(".fr.md"):
        return markdown
    parts = LITERAL.split(markdown)
    spaced = [re.sub(r"(?<=\S) (?=[:;!?%»])|(?<=«) ", "\u00a0", part) for part in parts[::2]]
    return "".join(text for pair in zip(spaced, [*parts[1::2], ""], strict=True) for text in pair)


def on_page_content(html: str, *, page, config, **_kwargs: object) -> str:
    """Render the equations; link the notebook below a practical."""
    page_html = site_math.render_equations(html)
    if page.file.src_uri.startswith("practicals/tp"):
        language = "fr" if page.file.src_uri.endswith(".fr.md") else "en"
        name = f"{Path(page.file.src_uri).stem}.ipynb"
        up = "../" * page.url.count("/")
        link = f'<a class="md-button" href="{up}notebooks/{name}" download>'
        page_html += f"<p>{link}{NOTEBOOK_LABELS[language]}</a></p>"
    return page_html


def on_post_build(*, config, **_kwargs: object) -> None:
    """Add the icon, the notebooks and the playground with the shipped nets to the site."""
    site = Path(config.site_dir)
    shutil.copy(ICON, site / "images" / "icon.svg")
    (site / "notebooks").mkdir(exist_ok=True)
    for name, document in notebooks.render_notebooks().items():
        (site / "notebooks" / name).write_text(document, encoding="utf-8")
    if not (site / PLAYGROUND).exists():  # once, not for each language
        publish([], site / PLAYGROUND)
