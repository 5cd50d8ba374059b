"""Matrix products for training on a CPU: bfloat16 operands with float32 sums where the processor has them.

On a processor with AMX a product of bfloat16 matrices that sums in float32 is about five times as fast as one in
float32; elsewhere it would be slower. ``ETABLI_PRODUCTS=float32`` (or ``bfloat16``) chooses by hand.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any


@cache
def precision() -> str:
    """The precision of the operands of ``matmul``: "bfloat16" where the processor has AMX, else "float32"."""
    chosen = os.environ.get("ETABLI_PRODUCTS", "")
    if chosen in ("float32", "bfloat16"):
        return chosen
    flags = Path("/proc/cpuinfo")
    return "bfloat16" if flags.is_file() and "amx_bf16" in flags.read_text() else "float32"


@cache
def _rounded_product():
    """(M, K) x (K, N) with bfloat16 operands and float32 sums, in the gradient too (JAX's own would upcast)."""
    import jax
    import jax.numpy as jnp

    def product(a, b):
        return jax.lax.dot(
            a.astype(jnp.bfloat16), b.astype(jnp.bfloat16), preferred_element_type=jnp.float32
        )

    @jax.custom_vjp
    def rounded(a, b):
        return product(a, b)

    rounded.defvjp(
        lambda a, b: (product(a, b), (a, b)),
        lambda ab, g: (product(g, ab[1].T), product(ab[0].T, g)),
    )
    return rounded


def matmul(a: Any, b: Any) -> Any:
    """a (..., K) x b (K, N) in the precision of this machine; sums and result in float32."""
    flat = a.reshape(-1, a.shape[-1])
    product = _rounded_product()(flat, b) if precision() == "bfloat16" else flat @ b
    return product.reshape(*a.shape[:-1], b.shape[-1])
