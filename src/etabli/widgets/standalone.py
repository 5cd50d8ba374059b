"""A page of the playground as one HTML string that contains its styles, scripts and nets."""

import re
from pathlib import Path

from etabli import report
from etabli.web import net_files, rendering
from etabli.web.api import to_json
from etabli.web.publishing.bundle import bundle

__all__ = ["render_backprop"]

_SCRIPTS = rendering.HERE / "static" / "js"
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)
# The notebook has a frame of its own, and a page in it no other pages.
_STYLE = ".top, .skip, body > header, footer { display: none !important; } main { padding: 1rem; }"


class _NoAddresses(rendering.Addresses):
    """A standalone page links to nothing."""

    is_published = True
    policy = _POLICY
    unavailable: frozenset[str] = frozenset()
    credits: tuple[str, ...] = ()

    def scripts(self, page: rendering.Page) -> list[str]:
        return []


def render_backprop() -> str:
    """Render the page Backpropagation in the language in use."""
    html = rendering.render_html(rendering.BY_KEY["backprop"], _NoAddresses({}))
    events = [
        {"event": "models", "data": {}},
        {"event": "training", "data": {"state": "idle"}},
        {"event": "runs", "data": []},
        {"event": "progress", "data": {}},
    ]
    data = {"recorded": {"/api/events": events}, "backprop": net_files.describe_backprop()}
    script = bundle(
        [_SCRIPTS / "models.js", _SCRIPTS / "backprop.js"],
        {
            _SCRIPTS / "server.js": _SCRIPTS / "local" / "server.js",
            _SCRIPTS / "address.js": Path(__file__).parent / "address.js",
        },
    )
    styles = [
        (report.HOME / "templates" / "style.css").read_text(encoding="utf-8"),
        (rendering.HERE / "static" / "page.css").read_text(encoding="utf-8"),
        _STYLE,
    ]
    html = re.sub(r'<link rel="(?:icon|stylesheet)"[^>]*>\n?', "", html)
    html = html.replace("</head>", "<style>" + "\n".join(styles) + "</style>\n</head>")
    code = f"window.etabli={to_json(data)};\n{script}".replace("</", "<\\/")
    return html.replace("</body>", f"<script>{code}</script>\n</body>")
