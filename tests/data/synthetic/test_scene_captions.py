"""The sample Flickr8k: captions that are true of their scenes."""

from etabli.core.seeding import make_generator
from etabli.data.catalog.source import Source
from etabli.data.formats import flickr8k
from etabli.data.synthetic import scene_captions
from etabli.data.synthetic.scenes import BACKGROUNDS, DrawnObject, Scene, draw_scene

LEFT = DrawnObject("house", "orange", "large", (0, 40, 60, 100), 1.0, False)
RIGHT = DrawnObject("kite", "red", "small", (80, 50, 100, 70), 1.0, False)


def test_five_captions_say_what_is_where():
    captions = scene_captions.describe(
        Scene(None, (RIGHT, LEFT), "meadow"), make_generator(0, "words")
    )
    assert len(captions) == 5
    assert all(caption.endswith(" .") and caption[0].isupper() for caption in captions)
    assert "orange house to the left of a" in captions[0]
    assert all("house" in caption for caption in captions), "the larger thing is in every caption"
    assert captions[3].startswith("Two things")


def test_a_vowel_takes_an_and_an_empty_scene_has_captions_too():
    assert scene_captions.describe(Scene(None, (LEFT,), "sky"), make_generator(5, "words"))[
        0
    ].split()[0] in ("A", "An")
    assert all(
        c.startswith("Nothing")
        for c in scene_captions.describe(Scene(None, (), "sand"), make_generator(0, "w"))
    )


def test_every_background_has_a_place():
    assert set(scene_captions._PLACES) == set(BACKGROUNDS)


def test_the_words_of_a_caption_are_those_of_its_scene():
    scenes = make_generator(1, "scenes")
    for _number in range(20):
        scene = draw_scene(scenes, (64, 64), count=(1, 3))
        colors = {thing.color for thing in scene.objects}
        kinds = {thing.kind for thing in scene.objects}
        for caption in scene_captions.describe(scene, scenes):
            words = set(caption.lower().split())
            assert words & kinds
            assert words & colors


def test_the_sample_is_read_like_the_official_set(tmp_path):
    data = flickr8k.load(Source.sample(tmp_path))
    assert [len(part) for part in (data.train, data.dev, data.test)] == list(
        scene_captions.SIZES.values()
    )
    assert all(len(group) == 5 for group in data.test.captions)
    assert all(path.is_file() for path in data.test.paths)
