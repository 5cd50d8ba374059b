"""transfer and predict called from Python, without a command line."""

import numpy as np
import pytest

from etabli.core.errors import BadSetting
from etabli.core.seeding import make_generator
from etabli.data.synthetic import scenes
from etabli.features import extract
from etabli.features.inputs import find_images
from etabli.models.vision import backbones
from etabli.pipelines.predict import predict
from etabli.pipelines.transfer import transfer
from etabli.saved_models import folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Images of two classes, and the result of training a classifier on their features."""
    place, generator = tmp_path_factory.mktemp("own"), make_generator(0, "own images")
    for kind in ("house", "star"):
        (place / "images" / kind).mkdir(parents=True)
        for number in range(6):
            image = scenes.draw_single(generator, kind).image
            image.save(place / "images" / kind / f"{number}.jpg")
    weights = place / "net.weights.h5"
    backbones.get_backbone("small_residual").build(seed=5).save_weights(weights)
    paths, names = find_images(place / "images")
    options = {"names": names, "weights": weights, "engine": "keras"}
    extract(paths, "small_residual", place / "features", **options)
    result = transfer(place / "features", place / "images", place / "model", weights=weights)
    return place, paths, result


def test_the_result_has_the_card_that_is_saved(trained):
    _place, _paths, result = trained
    assert folder.load(result.folder).card == result.card
    assert result.card.classes == ("house", "star") and result.unscored == ()
    assert result.card.task == "single" and 0 <= result.card.scores["accuracy"][0] <= 1
    low, high = result.card.intervals["accuracy"]
    assert low <= result.card.scores["accuracy"][0] <= high


def test_a_finished_model_is_only_replaced_on_request(trained):
    place, _paths, result = trained
    arguments = (place / "features", place / "images", result.folder)
    options = {"weights": place / "net.weights.h5"}
    with pytest.raises(BadSetting, match="already holds"):
        transfer(*arguments, **options)
    assert transfer(*arguments, **options, overwrite=True).card.scores == result.card.scores


def test_a_list_of_files_and_a_loaded_model_give_the_predictions_of_folders(trained):
    place, paths, result = trained
    one = predict(place / "images", result.folder, engine="keras")
    other = predict(paths, folder.load(result.folder), engine="keras")
    assert one.labels == other.labels and one.classes == other.classes == ("house", "star")
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)
