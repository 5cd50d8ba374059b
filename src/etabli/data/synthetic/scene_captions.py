"""The Flickr8k sample: drawn scenes with five captions each, generated from their objects."""

from pathlib import Path

import numpy as np

from etabli.core.seeding import make_generator
from etabli.data.formats import flickr8k
from etabli.data.synthetic.scenes import DrawnObject, Scene, draw_scene

__all__ = ["VERSION", "describe", "describe_fully", "draw_clear_scene", "make"]

VERSION = "1"
SIZES = {"train": 240, "dev": 40, "test": 40}
SIDE = 112
CAPTIONS = 5
COUNT, EXTENT = (1, 3), (0.3, 0.6)
_PLACES = {
    "paper": ("on white paper", "on a sheet of paper"),
    "sky": ("in the sky", "in front of a blue sky"),
    "meadow": ("on the grass", "in a green meadow"),
    "sand": ("on the sand", "on a beach"),
    "mist": ("in the mist", "on a grey day"),
}
_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five")


def make(folder: Path) -> None:
    """Write the images, ``Flickr8k.token.txt`` and the three lists."""
    (folder / flickr8k.TEXT).mkdir()
    (folder / flickr8k.IMAGES).mkdir()
    lines = []
    for part, size in SIZES.items():
        drawing = make_generator(8, "flickr8k", part)
        writing = make_generator(8, "flickr8k", part, "words")
        names = [f"{part}_{number:04d}.jpg" for number in range(size)]
        for name in names:
            scene = draw_scene(drawing, (SIDE, SIDE), count=COUNT, extent=EXTENT)
            scene.image.save(folder / flickr8k.IMAGES / name, quality=90)
            lines += [
                f"{name}#{place}\t{caption}"
                for place, caption in enumerate(describe(scene, writing))
            ]
        (folder / flickr8k.TEXT / flickr8k.SPLITS[part]).write_text(
            "\n".join(names) + "\n", encoding="utf-8"
        )
    (folder / flickr8k.TEXT / flickr8k.TOKENS).write_text("\n".join(lines) + "\n", encoding="utf-8")


def describe(scene: Scene, writing: np.random.Generator) -> list[str]:
    """Generate five captions of a scene that differ in wording and detail."""

    def visible_area(thing: DrawnObject) -> float:
        left, top, right, bottom = thing.box
        return (right - left) * (bottom - top) * thing.visible

    shown = sorted(scene.objects, key=visible_area, reverse=True)
    return [_write_sentence(shown, scene.background, style, writing) for style in range(CAPTIONS)]


def draw_clear_scene(
    generator: np.random.Generator, side: int = SIDE, count: tuple[int, int] = COUNT
) -> Scene:
    """Draw scenes as those of the sample until one has no object that is mostly hidden."""
    while True:
        scene = draw_scene(generator, (side, side), count=count, extent=EXTENT)
        if scene.objects and not any(each.difficult for each in scene.objects):
            return scene


def describe_fully(scene: Scene, writing: np.random.Generator) -> list[str]:
    """Generate five captions that name every object, from left to right."""
    shown = sorted(scene.objects, key=lambda thing: thing.center)
    return [_list_everything(shown, scene.background, style, writing) for style in range(CAPTIONS)]


def _list_everything(
    shown: list[DrawnObject], background: str, style: int, writing: np.random.Generator
) -> str:
    names = [_name(thing, writing, size=style == 2) for thing in shown]
    if style in (0, 4) and len(shown) > 1:
        names[:2] = [f"{names[0]} {_relate(*shown[:2])} {names[1]}"]
    *first, last = names
    listed = f"{' , '.join(first)} and {last}" if first else last
    return f"{listed[0].upper()}{listed[1:]} {writing.choice(_PLACES[background])} ."


def _write_sentence(
    shown: list[DrawnObject], background: str, style: int, writing: np.random.Generator
) -> str:
    place = str(writing.choice(_PLACES[background]))
    if not shown:
        words = f"nothing to see {place}"
    elif style == 3 and len(shown) > 1:
        words = f"{_NUMBERS[len(shown)]} things {place} , one of them {_name(shown[0], writing)}"
    elif style in (0, 4) and len(shown) > 1:
        words = f"{_name(shown[0], writing)} {_relate(*shown[:2])} {_name(shown[1], writing)}"
    elif style == 1 and len(shown) > 1:
        words = f"{_name(shown[0], writing)} and {_name(shown[1], writing)} {place}"
    else:
        verb = str(writing.choice(["", "is seen", "is drawn"]))
        words = f"{_name(shown[0], writing, size=style == 2)} {verb} {place}"
    words = " ".join(words.split())
    return f"{words[0].upper()}{words[1:]} ."


def _name(thing: DrawnObject, writing: np.random.Generator, size: bool = False) -> str:
    words = [thing.color, thing.kind]
    if size or writing.random() < 0.3:
        words.insert(0, {"small": "small", "medium": "plain", "large": "big"}[thing.size])
    return f"{'an' if words[0][0] in 'aeiou' else 'a'} {' '.join(words)}"


def _relate(first: DrawnObject, second: DrawnObject) -> str:
    across = second.center[0] - first.center[0]
    down = second.center[1] - first.center[1]
    if abs(across) > abs(down):
        return "to the left of" if across > 0 else "to the right of"
    return "above" if down > 0 else "below"
