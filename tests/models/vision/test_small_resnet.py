import numpy as np
import pytest

from etabli.core.seeding import make_generator
from etabli.data.synthetic import scenes
from etabli.models.vision import backbones, small_resnet


@pytest.fixture(scope="module")
def net():
    return backbones.get_backbone("small_residual").build(size=(32, 32))


def test_the_net_is_small_and_halves_the_image_three_times(net):
    assert net.output_shape == (None, 4, 4, 96)
    assert net.count_params() < 400_000


@pytest.mark.slow
def test_training_separates_a_few_images_and_the_first_loss_is_ln_k(net):
    draw = make_generator(0, "pictures")
    kinds = np.arange(64) % 2
    images = [scenes.draw_single(draw, ("circle", "house")[kind], (32, 32)).image for kind in kinds]
    pixels = np.stack([np.asarray(image) for image in images]).astype(np.float32)
    whole = small_resnet.build_classifier(net, 2)
    assert whole.evaluate(pixels, kinds, verbose=0)[0] == pytest.approx(np.log(2), abs=1e-5)
    numbers = []
    small_resnet.train(
        whole, pixels, kinds, draw, epochs=15, watch=lambda _epoch, row: numbers.append(row["loss"])
    )
    assert numbers[-1] < 0.5 * np.log(2)
    assert small_resnet.predict_logits(whole, pixels[:5]).shape == (5, 2)


def test_a_difficult_label_has_no_influence():
    logits = np.array([[2.0, -1.0], [0.5, 3.0]], np.float32)
    with_hard = np.asarray(
        small_resnet._masked_bce(np.array([[1, 0], [-1, 1]], np.float32), logits)
    )
    expected = [np.logaddexp(0, -2.0), (np.logaddexp(0, 0.5) + np.logaddexp(0, -3.0)) / 2]
    np.testing.assert_allclose(with_hard, expected, rtol=1e-5)
