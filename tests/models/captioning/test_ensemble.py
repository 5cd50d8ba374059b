"""Several nets that write one caption."""

import numpy as np
import pytest
from scipy.special import log_softmax

from etabli.models.captioning import attention, ensemble
from etabli.models.captioning.attention import ModelConfig

SHAPE = ModelConfig(vocabulary=9, features=6, embedding=5, units=7, attention_dim=4)
WORDS = np.array([[3], [5]])


@pytest.fixture
def nets(frozen):
    made = [attention.init_weights(SHAPE, np.random.default_rng(seed)) for seed in range(3)]
    for net in made:
        frozen(*net.values())
    return made


@pytest.fixture
def maps():
    return np.random.default_rng(9).random((2, 4, 6)).astype(np.float32)


def written(nets, maps):
    import jax

    scenes = jax.jit(ensemble.encode_images)(nets, maps)
    states = tuple(scene["first"][:, None] for scene in scenes)
    return jax.jit(ensemble.step)(nets, scenes, states, WORDS)


def test_nets_joined_are_found_again(nets):
    arrays = ensemble.merge_weights(nets)
    assert len(arrays) == 3 * len(nets[0])
    for net, found in zip(nets, ensemble.split_weights(arrays), strict=True):
        assert net.keys() == found.keys()
        assert all(net[name] is found[name] for name in net)
    assert ensemble.merge_weights(nets[:1]) == nets[0]


def test_the_ensemble_predicts_the_normalized_product_of_the_members_probabilities(nets, maps):
    log_p, states = written(tuple(nets), maps)
    alone = [written((net,), maps) for net in nets]
    wanted = log_softmax(np.mean([np.asarray(each) for each, _state in alone], axis=0), axis=-1)
    np.testing.assert_allclose(log_p, wanted, atol=1e-5)
    for state, (_log_p, (own,)) in zip(states, alone, strict=True):
        np.testing.assert_allclose(state, own, atol=1e-6)


def test_twins_write_what_one_of_them_writes(nets, maps):
    np.testing.assert_allclose(
        written((nets[0],) * 2, maps)[0], written((nets[0],), maps)[0], atol=1e-5
    )
