"""Matrix multiplication for training on a CPU: bfloat16 with float32 accumulation on AMX.

With AMX such a product is about five times as fast as in float32; elsewhere it would be slower. The
environment variable ``ETABLI_MATMUL`` (``float32`` or ``bfloat16``) overrides the choice.
"""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etabli.training.devices import find_device

if TYPE_CHECKING:
    from collections.abc import Callable


@cache
def matmul_precision() -> str:
    """Return the operand type of ``matmul``: "bfloat16" where the CPU has AMX, else "float32"."""
    chosen = os.environ.get("ETABLI_MATMUL", "")
    if chosen in ("float32", "bfloat16"):
        return chosen
    if find_device().is_accelerator:  # computes float32 products in TF32 by itself
        return "float32"
    flags = Path("/proc/cpuinfo")
    return "bfloat16" if flags.is_file() and "amx_bf16" in flags.read_text() else "float32"


@cache
def _bfloat16_product() -> "Callable":
    """(M, K) x (K, N) in bfloat16 with float32 sums, in the gradient too, where JAX's own would
    upcast."""
    import jax
    import jax.numpy as jnp

    def product(a: Any, b: Any) -> Any:
        return jax.lax.dot(
            a.astype(jnp.bfloat16), b.astype(jnp.bfloat16), preferred_element_type=jnp.float32
        )

    @jax.custom_vjp
    def rounded(a: Any, b: Any) -> Any:
        return product(a, b)

    rounded.defvjp(
        lambda a, b: (product(a, b), (a, b)),
        lambda ab, g: (product(g, ab[1].T), product(ab[0].T, g)),
    )
    return rounded


def matmul(a: Any, b: Any) -> Any:
    """Return a (..., K) x b (K, N) with operands of ``matmul_precision``, sums and result in
    float32."""
    flat = a.reshape(-1, a.shape[-1])
    product = _bfloat16_product()(flat, b) if matmul_precision() == "bfloat16" else flat @ b
    return product.reshape(*a.shape[:-1], b.shape[-1])
