"""The outputs of any net for images, computed on a cluster: shards in a folder, resumable.

A shard holds whole batches, those of a local run, so the outputs are the same to the last bit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from etabli.core import ray_cluster
from etabli.core.atomic_files import lock_folder
from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.features import engines, ray_backend, shards, store
from etabli.features.pipeline import NamedImage
from etabli.features.store import Features, Recipe
from etabli.models.vision import backbones
from etabli.models.vision.openvino_net import OpenVinoNet

if TYPE_CHECKING:
    import keras

SHARD_ROWS = 256


@dataclass(frozen=True)
class ClusterPlace:
    """The address of a cluster, or "auto", and the folder of the shards."""

    address: str
    folder: Path


def compute_outputs(
    net: "keras.Model | OpenVinoNet",
    size: tuple[int, int],
    sources: Sequence[NamedImage],
    place: ClusterPlace,
    *,
    engine: str | None,
    precision: str | None,
    batch_size: int | None,
    progress: Callable[[int], None],
    print_line: Callable[[str], None],
) -> Features:
    """Compute the outputs of a net for every image that can be read, in order.

    Args:
        net: From images (N, height, width, 3) in 0..255 to rows.
        size: Height and width of its input.
        sources: The images.
        place: Where; finished shards of an earlier call are kept.
        engine: As in ``open_engine``.
        precision: As in ``open_engine``.
        batch_size: As in ``open_engine``.
        progress: Called with the number of images done since its last call.
        print_line: Receives a sentence on each worker that fails, is slow or is not used.

    Raises:
        BadSetting: The net is a file of OpenVINO, or the folder holds outputs of another net.
    """
    if isinstance(net, OpenVinoNet):
        raise BadSetting(
            _("a cluster runs only Keras nets"),
            got=net.path.name,
            fix=_("Leave out --cluster, or give a model in Keras format."),
        )
    out = place.folder
    with lock_folder(out), ray_cluster.connect(place.address) as cluster:
        engine = engine or ("keras" if cluster.gpus else None)
        digest = backbones.compute_weights_digest(net)
        key = "-".join([net.name, digest, *map(str, size)])
        run = engines.open_engine(net, batch_size, engine, precision, key)
        rows = run.batch_size * max(1, SHARD_ROWS // run.batch_size)
        recipe: Recipe = {
            "net": net.name,
            "weights": digest,
            "view": "plain",
            "size": list(size),
            "shape": list(net.output_shape[1:]),
            "dtype": "float32",
            "engine": run.name,
            "precision": run.precision,
            "batch_size": run.batch_size,
            "shard_rows": rows,
        }
        store.open_recipe(out, recipe)
        wanted = shards.find_missing_shards(out, list(sources), rows)
        progress(len(sources) - sum(len(shard.images) for shard in wanted))
        if wanted:
            job = ray_backend.ShardJob.of(net, recipe, run.batch_size, key)
            ray_backend.write_shards(cluster, out, wanted, job, progress, print_line)
        return store.finish(out, recipe, -(-len(sources) // rows), {})
