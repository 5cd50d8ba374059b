"""Shards of images on a Ray cluster: each worker holds the net and computes shards.

A worker runs the code of the local run, so shards have the same bytes. The calling process writes
each shard as it arrives; a shard on disk is not computed again.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etabli.core import ray_cluster
from etabli.core.errors import EtabliError
from etabli.core.i18n import _
from etabli.core.ray_cluster import RayCluster
from etabli.features import engines, pipeline, shards
from etabli.features.pipeline import Read, stream_features
from etabli.features.shards import Shard, ShardRows
from etabli.features.store import Recipe

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class ShardJob:
    """The net and how shards are computed. ``weights`` becomes a reference in the cluster."""

    architecture: str
    weights: Any
    recipe: Recipe
    batch_size: int
    cache_key: str
    threads: int | None = None
    readers: int = 2

    @classmethod
    def of(cls, part: "keras.Model", recipe: Recipe, batch_size: int, cache_key: str) -> "ShardJob":
        """Return the job of a model."""
        return cls(part.to_json(), part.get_weights(), recipe, batch_size, cache_key)


def write_shards(
    cluster: RayCluster,
    out: Path,
    wanted: Sequence[Shard],
    job: ShardJob,
    progress: Callable[[int], None],
    print_line: Callable[[str], None],
) -> None:
    """Compute the shards and write each as it arrives, in any order.

    Args:
        cluster: What computes them.
        out: The folder of the features.
        wanted: The shards.
        job: How they are computed.
        progress: Called with the number of images of each shard.
        print_line: Receives a sentence on each worker that fails, is slow or is not used.

    Raises:
        EtabliError: A worker raised it, or the cluster cannot compute a shard.
    """
    by_number = {shard.number: shard for shard in wanted}
    # A GPU needs many cores that decode for it.
    readers = max(2, cluster.cpus // cluster.gpus) if cluster.gpus else 2
    job = replace(job, weights=cluster.share(job.weights), threads=1, readers=readers)
    with closing(cluster.compute(partial(ShardExtractor, job), by_number, print_line)) as results:
        for number, rows in results:
            rows.write(out, by_number[number])
            progress(len(by_number[number].images))


class ShardExtractor:
    """What a worker runs: from a shard to its rows. The net is opened at the first shard."""

    def __init__(self, job: ShardJob) -> None:
        self.job = job
        self._tools: tuple[engines.Engine, Read] | None = None

    def __call__(self, shard: Shard) -> ShardRows:
        if shards.compute_fingerprint(shard.images) != shard.fingerprint:
            raise EtabliError(
                _("machine {name} does not see the same image files as this one").format(
                    name=os.uname().nodename
                ),
                fix=_("Put them in S3 storage, or under one path that all machines share."),
            )
        run, read = self._tools = self._tools or self._open()
        batches = shards.iterate_batches([shard], self.job.batch_size)
        parts = list(stream_features(batches, run, read, workers=self.job.readers))
        return shards.join_batches(parts, self.job.recipe)

    def _open(self) -> tuple[engines.Engine, Read]:
        import keras

        job = self.job
        model = keras.models.model_from_json(job.architecture)
        model.set_weights(ray_cluster.fetch(job.weights))
        engine, precision = str(job.recipe["engine"]), str(job.recipe["precision"])
        run = engines.open_engine(
            model, job.batch_size, engine, precision, job.cache_key, job.threads
        )
        return run, pipeline.make_reader(str(job.recipe["view"]), tuple(job.recipe["size"]))
