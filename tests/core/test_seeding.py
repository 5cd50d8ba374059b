import numpy as np

from etabli.core import seeding


def test_the_same_seed_and_purpose_give_the_same_numbers():
    first, second = (seeding.make_generator(3, "shuffle").random(5) for _time in range(2))
    np.testing.assert_array_equal(first, second)


def test_another_purpose_or_seed_gives_other_numbers():
    draws = {
        seeding.make_generator(*key).random()
        for key in [(3, "shuffle"), (3, "weights"), (4, "shuffle"), (3,)]
    }
    assert len(draws) == 4


def test_the_global_generator_is_not_changed():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    seeding.make_generator(1).random(100)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_keras_seeds_fit_in_31_bits():
    assert all(0 <= seeding.derive_keras_seed(seed, "layer") < 2**31 for seed in range(50))
