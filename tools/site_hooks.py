"""What the documentation site adds to MkDocs: equations without a script, French spaces, the icon, the notebooks."""

import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import notebooks
import site_math

HOME = Path(__file__).parent.parent
ICON = HOME / "src" / "etabli" / "web" / "static" / "icon.svg"
LITERAL = re.compile(r"(```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$)", re.DOTALL)
OFFER = {"en": "This page as a notebook", "fr": "Cette page en notebook"}


def on_page_markdown(markdown: str, *, page, **_kwargs: object) -> str:
    """On a French page, a space that no line may break before « : ; ! ? % » and inside of quotation marks."""
    if not page.file.src_uri.endswith(".fr.md"):
        return markdown
    parts = LITERAL.split(markdown)
    spaced = [re.sub(r"(?<=\S) (?=[:;!?%»])|(?<=«) ", "\u00a0", part) for part in parts[::2]]
    return "".join(text for pair in zip(spaced, [*parts[1::2], ""], strict=True) for text in pair)


def on_page_content(html: str, *, page, config, **_kwargs: object) -> str:
    """Every equation drawn; below a practical, its notebook."""
    made = site_math.drawn_into(html)
    if page.file.src_uri.startswith("practicals/tp"):
        language = "fr" if page.file.src_uri.endswith(".fr.md") else "en"
        name = f"{Path(page.file.src_uri).stem}.ipynb"
        up = "../" * page.url.count("/")
        made += f'<p><a class="md-button" href="{up}notebooks/{name}" download>{OFFER[language]}</a></p>'
    return made


def on_post_build(*, config, **_kwargs: object) -> None:
    """The files that no page of the folder holds."""
    site = Path(config.site_dir)
    shutil.copy(ICON, site / "images" / "icon.svg")
    (site / "notebooks").mkdir(exist_ok=True)
    for name, document in notebooks.all_made().items():
        (site / "notebooks" / name).write_text(document, encoding="utf-8")
