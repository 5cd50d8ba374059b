"""The VOC sample: drawn scenes as a devkit with annotations and lists, *difficult* objects too."""

from pathlib import Path
from xml.etree import ElementTree

from etabli.core.seeding import make_generator
from etabli.data.formats import voc
from etabli.data.synthetic import scenes

VERSION = 1
SPLITS = {"train": 320, "val": 120, "test": 240}


def make(folder: Path) -> None:
    """Write ``VOCdevkit/VOC2007`` with train, val, trainval and test lists of drawn scenes."""
    write_devkit(folder / "VOCdevkit" / "VOC2007", SPLITS)


def write_devkit(root: Path, splits: dict[str, int], seed: int = 0) -> None:
    """Write scenes as JPEGImages, Annotations and ImageSets/Main; "trainval" is train and val."""
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / name).mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[tuple[str, list[int]]]] = {}
    for split, count in splits.items():
        stream = make_generator(seed, "drawn voc", split)
        rows[split] = []
        for _number in range(count):
            name = f"{1 + sum(map(len, rows.values())):06d}"
            scene = scenes.draw_scene(stream)
            scene.image.save(root / "JPEGImages" / f"{name}.jpg", quality=90)
            _write_annotation(root / "Annotations" / f"{name}.xml", name, scene)
            objects = [(each.kind, each.difficult) for each in scene.objects]
            rows[split].append((name, voc.label_objects(objects, sorted(scenes.KINDS))))
    rows["trainval"] = [*rows.get("train", []), *rows.get("val", [])]
    for split, labeled in rows.items():
        _write_lists(root / "ImageSets" / "Main", split, labeled)


def _write_lists(folder: Path, split: str, rows: list[tuple[str, list[int]]]) -> None:
    (folder / f"{split}.txt").write_text(
        "".join(f"{name}\n" for name, _labels in rows), encoding="ascii"
    )
    for column, kind in enumerate(sorted(scenes.KINDS)):
        lines = (f"{name} {labels[column]:2d}\n" for name, labels in rows)
        (folder / f"{kind}_{split}.txt").write_text("".join(lines), encoding="ascii")


def _write_annotation(path: Path, name: str, scene: scenes.Scene) -> None:
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "filename").text = f"{name}.jpg"
    size = ElementTree.SubElement(root, "size")
    for key, value in (("width", scene.image.width), ("height", scene.image.height), ("depth", 3)):
        ElementTree.SubElement(size, key).text = str(value)
    for each in scene.objects:
        item = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(item, "name").text = each.kind
        ElementTree.SubElement(item, "truncated").text = str(int(each.visible < 1))
        ElementTree.SubElement(item, "difficult").text = str(int(each.difficult))
        box = ElementTree.SubElement(item, "bndbox")
        left, top, right, bottom = each.box  # VOC counts pixels from one, both ends inclusive
        corners = ("xmin", left + 1), ("ymin", top + 1), ("xmax", right), ("ymax", bottom)
        for key, value in corners:
            ElementTree.SubElement(box, key).text = str(value)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8")
