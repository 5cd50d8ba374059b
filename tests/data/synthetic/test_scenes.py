import numpy as np
import pytest

from etabli.core.seeding import make_generator
from etabli.data.synthetic import scenes


def test_a_scene_is_a_function_of_its_generator_alone():
    one, two = (scenes.draw_scene(make_generator(3, "scene")) for _ in range(2))
    assert one.objects == two.objects
    np.testing.assert_array_equal(np.asarray(one.image), np.asarray(two.image))


def test_scenes_of_different_seeds_differ():
    one, two = (scenes.draw_scene(make_generator(seed, "scene")) for seed in (0, 1))
    assert not np.array_equal(np.asarray(one.image), np.asarray(two.image))


def test_boxes_are_inside_the_image_and_contain_the_object():
    for seed in range(40):
        scene = scenes.draw_scene(make_generator(seed, "box"), (120, 150))
        assert scene.image.size == (150, 120)
        for item in scene.objects:
            left, top, right, bottom = item.box
            assert 0 <= left < right <= 150 and 0 <= top < bottom <= 120
            assert item.kind in scenes.KINDS and item.color in scenes.COLORS


def test_the_last_object_drawn_is_wholly_visible():
    for seed in range(40):
        assert scenes.draw_scene(make_generator(seed, "front")).objects[-1].visible == 1.0


def test_what_is_mostly_hidden_or_tiny_is_difficult_and_a_large_one_in_front_is_not():
    everything = [
        o for seed in range(200) for o in scenes.draw_scene(make_generator(seed, "hard")).objects
    ]
    hidden = [o for o in everything if o.visible < 0.45]
    assert hidden and all(o.difficult for o in hidden)
    assert not any(o.difficult for o in everything if o.visible == 1.0 and o.size == "large")
    share = np.mean([o.difficult for o in everything])
    assert 0.03 < share < 0.3


@pytest.mark.parametrize("kind", scenes.KINDS)
def test_a_single_object_fills_more_than_half_of_its_image(kind):
    scene = scenes.draw_single(make_generator(0, kind), kind)
    (item,) = scene.objects
    assert item.kind == kind and item.size == "large" and not item.difficult
    assert max(item.box[2] - item.box[0], item.box[3] - item.box[1]) > 0.5 * 64


def test_the_object_is_painted_in_its_color_inside_its_box():
    for seed in range(20):
        scene = scenes.draw_single(make_generator(seed, "color"), "square")
        (item,) = scene.objects
        x, y = (round(value) for value in item.center)
        distance = {
            name: np.abs(np.subtract(scene.image.getpixel((x, y)), rgb)).sum()
            for name, rgb in scenes.COLORS.items()
        }
        assert min(distance, key=distance.get) == item.color
