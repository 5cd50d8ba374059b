"""Which backend Keras runs on in this process (``KERAS_BACKEND``; ``etabli`` itself sets JAX where
nobody did).
"""


def backend_name() -> str:
    """``"jax"``, ``"torch"``, ..."""
    import keras

    return keras.backend.backend()


def on_jax() -> bool:
    """Whether the fast training loops, which are written with JAX, can be used."""
    return backend_name() == "jax"
