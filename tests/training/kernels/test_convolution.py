"""The fast convolutions have the outputs and gradients of XLA's own, to rounding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from etabli.training.kernels.convolution import (
    can_fold,
    convolve_and_pool,
    make_convolution,
    max_pool_2x2,
)


def plain(images, kernel, stride=1):
    return jax.lax.conv_general_dilated(
        images, kernel, (stride, stride), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def plain_maximum(images):
    return jax.lax.reduce_window(images, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def drawn(*shapes):
    draw = np.random.default_rng(0)
    return [jnp.asarray(draw.normal(size=shape).astype(np.float32)) for shape in shapes]


def agree(ours, reference, *arguments):
    shape = jax.eval_shape(reference, *arguments).shape
    weigh = jnp.asarray(np.random.default_rng(1).normal(size=shape).astype(np.float32))
    places = tuple(range(len(arguments)))

    @jax.jit
    def seen(*given):
        return [
            (f(*given), jax.grad(lambda *a, f=f: (f(*a) * weigh).sum(), places)(*given))
            for f in (ours, reference)
        ]

    (mine, my_gradients), (theirs, their_gradients) = seen(*arguments)
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-4)
    for mine, theirs in zip(my_gradients, their_gradients, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("size,kernel", [(7, 1), (8, 3), (9, 5)])
def test_a_convolution_is_xlas(size, kernel):
    agree(make_convolution(), plain, *drawn((3, size, size + 1, 2), (kernel, kernel, 2, 4)))


@pytest.mark.parametrize("size,kernel,stride", [(9, 5, 2), (8, 3, 2), (10, 4, 3)])
def test_a_strided_convolution_is_xlas(size, kernel, stride):
    agree(
        make_convolution(stride),
        lambda x, w: plain(x, w, stride),
        *drawn((3, size, size + 1, 2), (kernel, kernel, 2, 4)),
    )


@pytest.mark.parametrize("size,kernel", [(6, 3), (8, 5), (28, 5)])
def test_a_pooled_convolution_is_xlas_convolution_and_maximum(size, kernel):
    agree(
        convolve_and_pool,
        lambda x, w: plain_maximum(plain(x, w)),
        *drawn((2, size, size, 3), (kernel, kernel, 3, 4)),
    )


def test_a_maximum_of_blocks_is_xlas():
    agree(max_pool_2x2, plain_maximum, *drawn((2, 6, 8, 3)))


def test_equal_numbers_share_the_gradient():
    gradient = jax.grad(lambda x: max_pool_2x2(x).sum())(jnp.ones((1, 2, 2, 1)))
    assert gradient.ravel().tolist() == [0.25] * 4


def test_only_even_images_and_odd_kernels_fold():
    assert can_fold(28, 28, 5)
    assert can_fold(12, 12, 5)
    assert not can_fold(27, 28, 5)
    assert not can_fold(28, 28, 4)
    assert not can_fold(4, 4, 5)
