"""The device that JAX computes on, and how work is arranged on each kind of device.

The implementations that are fast on a CPU waste a GPU, and vice versa: a convolution inside
``lax.scan`` is ten times slower on a CPU and ten times faster on a GPU, where each step that is
started from the host costs more than its computation. ``plan_work`` makes these choices from a
``Device`` alone, so that they are tested without a GPU (decision 0024).
"""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from etabli.core.environment import count_cores
from etabli.core.errors import BadSetting, MissingExtra, UnknownName
from etabli.core.i18n import _

__all__ = [
    "PLATFORMS",
    "Device",
    "WorkPlan",
    "choose_platform",
    "describe_device",
    "find_device",
    "plan_work",
]

PLATFORMS = ("cpu", "gpu")
_DRIVER = Path("/proc/driver/nvidia/version")
_CUDA_PLUGINS = ("jax_cuda13_plugin", "jax_cuda12_plugin")

# Bytes that ResNet-50 needs for an image of 224 x 224 pixels, at most: its two largest maps and
# their copies in float32. A batch takes a tenth of the memory: other programs need some, too.
_BYTES_PER_IMAGE = 40 * 2**20
_SHARE_OF_MEMORY = 0.1
_MOST_IMAGES = 256  # more are no faster: the net reaches its rate at this batch


@dataclass(frozen=True)
class Device:
    """A kind of device that JAX computes on.

    Attributes:
        platform: "cpu", "gpu" or "tpu".
        name: The name given by its manufacturer.
        count: How many of them this process has.
        memory: Bytes of one of them; None where JAX does not know.
        cores: Processor cores that this process may use.
        capability: CUDA's compute capability, such as 9.0; 0 where there is none.
    """

    platform: str = "cpu"
    name: str = "cpu"
    count: int = 1
    memory: int | None = None
    cores: int = 1
    capability: float = 0.0

    @property
    def is_accelerator(self) -> bool:
        """Whether it is a device other than the CPU."""
        return self.platform != "cpu"

    @property
    def has_bfloat16(self) -> bool:
        """Whether it multiplies bfloat16 faster than float32: TPUs, and NVIDIA's from 8.0 on."""
        return self.platform == "tpu" or (self.platform == "gpu" and self.capability >= 8.0)


@dataclass(frozen=True)
class WorkPlan:
    """How work is arranged on a device.

    Attributes:
        scans_convolutions: An epoch of a net with convolutions is one compiled scan, with the
            examples on the device; else one compiled step a batch.
        uses_cpu_kernels: Convolutions and pooling in the forms of ``kernels.convolution``.
        precision: "bf16" or "f32", of the Keras engine.
        batch_size: Images that the Keras engine takes at once.
        parallel: Batches in flight: the next one is copied while one is computed.
        decodes_in_processes: Images are decoded in processes; threads share the interpreter's lock
            and stop at about eight cores.
        converts_on_device: Bytes and half floats are copied as they are; the device makes floats.
    """

    scans_convolutions: bool
    uses_cpu_kernels: bool
    precision: str
    batch_size: int
    parallel: int
    decodes_in_processes: bool
    converts_on_device: bool


def plan_work(device: Device) -> WorkPlan:
    """Choose loops, kernels, precision and batches for a device."""
    if not device.is_accelerator:
        return WorkPlan(False, True, "f32", 8, 1, False, False)
    return WorkPlan(
        scans_convolutions=True,
        uses_cpu_kernels=False,
        precision="bf16" if device.has_bfloat16 else "f32",
        batch_size=_fit_batch(device.memory),
        parallel=2,
        decodes_in_processes=device.cores > 2,
        converts_on_device=True,
    )


def _fit_batch(memory: int | None) -> int:
    """Return the largest power of two of images that fits, from 8 to ``_MOST_IMAGES``."""
    if memory is None:
        return 64
    fitting = int(_SHARE_OF_MEMORY * memory / _BYTES_PER_IMAGE)
    return max(8, min(_MOST_IMAGES, 2 ** max(fitting.bit_length() - 1, 0)))


@cache
def find_device() -> Device:
    """Return the device that Keras on JAX computes on; with another backend, the CPU."""
    from etabli.training.backend import is_jax_backend

    if not is_jax_backend():
        return Device(cores=count_cores())
    import jax

    first = jax.local_devices()[0]
    memory = (first.memory_stats() or {}).get("bytes_limit") if first.platform != "cpu" else None
    capability = float(getattr(first, "compute_capability", 0) or 0)
    cores = count_cores()
    count = len(jax.local_devices())
    return Device(first.platform, first.device_kind, count, memory, cores, capability)


def choose_platform(
    platform: str, has_module: Callable[[str], object] = importlib.util.find_spec
) -> None:
    """Choose the kind of device for JAX; call this before JAX is imported.

    Args:
        platform: "cpu" or "gpu".
        has_module: Whether a module is installed.

    Raises:
        UnknownName: There is no such kind.
        MissingExtra: JAX's plugin for CUDA is not installed.
        BadSetting: Another backend than JAX was chosen.
    """
    if platform not in PLATFORMS:
        raise UnknownName(_("platform"), platform, PLATFORMS)
    if os.environ.get("KERAS_BACKEND", "jax") != "jax":
        raise BadSetting(
            _("the platform can be chosen only with Keras on JAX"),
            got=f"KERAS_BACKEND={os.environ['KERAS_BACKEND']}",
            fix=_("Leave out --platform, or unset KERAS_BACKEND."),
        )
    if platform == "gpu" and not any(has_module(plugin) for plugin in _CUDA_PLUGINS):
        raise MissingExtra("jax-cuda12-plugin", "gpu", _("computing on a GPU"))
    os.environ["JAX_PLATFORMS"] = "cuda" if platform == "gpu" else platform


def describe_device(device: Device, has_driver: bool | None = None) -> str:
    """Describe the device in one line, and what to install for a GPU that is not used."""
    if device.is_accelerator:
        memory = f", {device.memory / 2**30:.0f} GiB" if device.memory else ""
        work = plan_work(device)
        return f"{device.count} x {device.name}{memory}, {work.precision}"
    if _DRIVER.exists() if has_driver is None else has_driver:
        return _("the processor; for the GPU: pip install 'etabli[gpu]'")
    return _("the processor")
