"""The gallery of captioned images as HTML."""

import numpy as np

from etabli.viz.caption_page import CaptionEntry, render_caption_page


def test_the_page_embeds_its_images_and_escapes_captions():
    entry = CaptionEntry(
        "<b>.jpg",
        np.zeros((500, 300, 3), np.uint8),
        'a "dog" & <cat>',
        "CIDEr-D 1.00",
        ("one <two>",),
    )
    html = render_caption_page("Captions", "Of test images", [("Best", [entry])])
    assert "data:image/jpeg;base64," in html
    assert "&lt;cat&gt;" in html
    assert "<cat>" not in html
    assert "<b>.jpg" not in html
    assert "http" not in html
