"""Train the captioner of drawn scenes that the playground ships (``make models``).

A small residual net learns to say, for each place of a 12 x 12 grid, which kind and which color of
object is there; its last maps are the regions that a captioner with attention reads.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.seeding import make_generator
from etabli.data.synthetic import scenes
from etabli.data.synthetic.scene_captions import SIDE, describe_fully, draw_clear_scene
from etabli.models.captioning import attention, train
from etabli.models.captioning.attention import ModelConfig
from etabli.models.captioning.beam_search import SearchConfig
from etabli.models.captioning.train import TrainConfig
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.models.vision.small_resnet import build_small_resnet
from etabli.saved_models.captioner import NET, Captioner, KnownData
from etabli.training import keras_io

WIDTHS, INPUT = (16, 32, 64), 96
GRID = INPUT // 8
N_NET, NET_EPOCHS = 4000, 14
N_CAPTIONED, EPOCHS = 8000, 12
N_FAMILIAR = 1000
COLORS = tuple(scenes.COLORS)
USE = "Trained on synthetic scenes drawn by Établi; free for any use."


def draw(count: int, part: str, seed: int) -> tuple[np.ndarray, list[scenes.Scene]]:
    """Draw scenes at one to three times the side of the sample, and resize them for the net."""
    generator = make_generator(seed, "scene captioner", part)
    drawn = [
        draw_clear_scene(generator, SIDE * int(generator.integers(1, 4))) for _ in range(count)
    ]
    size = (INPUT, INPUT)
    return np.stack([np.asarray(each.image.resize(size, 2)) for each in drawn]), drawn


def locate(scene: scenes.Scene) -> np.ndarray:
    """Return kind and color at each place (GRID, GRID, 2), 0 where there is no object."""
    target = np.zeros((GRID, GRID, 2), np.int32)
    centers = (np.arange(GRID) + 0.5) / GRID * scene.image.width
    for thing in scene.objects:
        left, top, right, bottom = thing.box
        rows = (centers >= top) & (centers < bottom)
        columns = (centers >= left) & (centers < right)
        label = (scenes.KINDS.index(thing.kind) + 1, COLORS.index(thing.color) + 1)
        target[np.ix_(rows, columns)] = label
    return target


def build_net() -> tuple[Any, Any]:
    """Return the net from images to region maps, and the one that is trained, with both heads."""
    import keras

    images = keras.Input((INPUT, INPUT, 3), name="images")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocessing")(images)
    maps = build_small_resnet(keras, scaled, WIDTHS).outputs[0]
    heads = [
        keras.layers.Conv2D(count + 1, 1, name=name)(maps)
        for name, count in (("kind", len(scenes.KINDS)), ("color", len(COLORS)))
    ]
    return keras.Model(images, maps, name="scene_net"), keras.Model(images, heads)


def train_net(seed: int, epochs: int = NET_EPOCHS, count: int = N_NET) -> Any:
    """Train the net to locate kinds and colors; half of the images of an epoch are mirrored."""
    import keras

    keras.utils.set_random_seed(seed)
    net, whole = build_net()
    images, drawn = draw(count, "net", seed)
    targets = np.stack([locate(each) for each in drawn])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    whole.compile(keras.optimizers.Adam(2e-3), [loss, loss])
    generator = make_generator(seed, "scene captioner", "order")
    for epoch in range(epochs):
        whole.optimizer.learning_rate = 2e-3 * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        order = generator.permutation(count)[: count // 32 * 32]
        x, y = images[order], targets[order]
        mirrored = generator.random(len(order)) < 0.5
        x[mirrored], y[mirrored] = x[mirrored][:, :, ::-1], y[mirrored][:, :, ::-1]
        done = whole.fit(x, [y[..., 0], y[..., 1]], batch_size=32, shuffle=False, verbose=0)
        print(f"net, epoch {epoch + 1}: loss {done.history['loss'][-1]:.4f}", flush=True)
    return net


def compute_maps(net: Any, images: np.ndarray) -> np.ndarray:
    """Return region maps (N, GRID^2, D) float16."""
    maps = net.predict(images, batch_size=50, verbose=0)
    return maps.reshape(len(maps), -1, maps.shape[-1]).astype(np.float16)


def train_captioner(folder: Path, seed: int = 0) -> Captioner:
    """Train net and captioner, and write both into ``folder``."""
    net = train_net(seed)
    images, drawn = draw(N_CAPTIONED, "captions", seed)
    writing = make_generator(seed, "scene captioner", "words")
    captions = [describe_fully(each, writing) for each in drawn]
    vocabulary = Vocabulary.most_frequent([line for group in captions for line in group])
    words, maps = vocabulary.encode_groups(captions), compute_maps(net, images)
    shape = ModelConfig(len(vocabulary), maps.shape[2], 64, 128, 64)
    generator = make_generator(seed, "scene captioner", "weights")
    config = TrainConfig(EPOCHS, 16, steps=26, dropout=0.1, smoothing=0.05, learning_rate=4e-3)

    def watch(epoch: int, loss: float, _weights: object) -> None:
        print(f"captioner, epoch {epoch}: loss {loss:.4f}", flush=True)

    arrays = train.train(
        attention.init_weights(shape, generator, maps), maps, words, config, seed, watch
    )
    captioner = Captioner(
        "attention",
        vocabulary,
        arrays,
        NET,
        SearchConfig(beam=5, steps=26, alpha=0.7),
        {"trained_on": "drawn scenes", "images": len(images), "use": USE, "seed": seed},
        known=KnownData.from_training(maps[-N_FAMILIAR:], words, len(vocabulary)),
    )
    keras_io.save(net, folder / NET)
    captioner.save(folder)
    return captioner


def find_named(caption: str) -> set[str]:
    """Return the objects that a caption names, such as "red car"."""
    words = caption.split()
    return {f"{color} {kind}" for color, kind in pairwise(words) if kind in scenes.KINDS}


def score(captioner: Captioner, net: Any, count: int, seed: int = 0) -> float:
    """Return the share of new scenes of which a caption names all objects, and no others."""
    images, drawn = draw(count, "test", seed)
    captions = captioner.write(compute_maps(net, images)).best(captioner.vocabulary)
    right = [
        find_named(caption) == {f"{each.color} {each.kind}" for each in scene.objects}
        for caption, scene in zip(captions, drawn, strict=True)
    ]
    return float(np.mean(right))
