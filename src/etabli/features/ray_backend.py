"""Feature extraction on a Ray cluster: each actor holds the net and computes shards.

An actor runs the code of the local extraction, so shards have the same bytes. The calling process
writes each shard as it arrives. A shard whose actor died goes to another actor; a shard on disk is
not computed again.
"""

import json
import logging
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.atomic_files import parse_json
from etabli.core.errors import EtabliError, MissingExtra
from etabli.core.i18n import _, current_language, use_language
from etabli.data.formats.s3 import RemoteImage
from etabli.features import engines, pipeline, shards
from etabli.features.pipeline import NamedImage, Read, Unreadable, stream_features
from etabli.features.shards import Shard, ShardRows
from etabli.features.store import Recipe

if TYPE_CHECKING:
    import keras


_CPUS_PER_ACTOR = 0.5  # as Ray counts: actors that took all cores would leave none to feed them


@dataclass(frozen=True)
class ShardJob:
    """The net and how shards are computed. ``weights`` becomes a reference in the cluster."""

    architecture: str
    weights: Any
    recipe: Recipe
    batch_size: int
    cache_key: str
    language: str
    threads: int | None = None
    readers: int = 2

    @classmethod
    def of(cls, part: "keras.Model", recipe: Recipe, batch_size: int, cache_key: str) -> "ShardJob":
        """Return the job of a model, in the current language."""
        weights = part.get_weights()
        return cls(part.to_json(), weights, recipe, batch_size, cache_key, current_language())


@contextmanager
def connect_cluster(address: str) -> Iterator["RayCluster"]:
    """Yield the cluster at an address.

    "auto" is the running cluster (``RAY_ADDRESS``, ``ray start``), or else a new local one, which
    ends with the block, accepts only connections with its token, and leaves nothing on disk.
    """
    own = address == "auto" and not _is_cluster_running()
    ray = _import_ray(own)
    folder = tempfile.mkdtemp(prefix="etabli-", dir="/tmp" if Path("/tmp").is_dir() else None)
    try:
        _connect(ray, "local" if own else address, folder)
        held = ray.cluster_resources()
        yield RayCluster(ray, max(1, int(held.get("CPU", 1))), int(held.get("GPU", 0)))
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _is_cluster_running() -> bool:
    """Return whether ``ray start`` was called here; Ray itself would search for twenty seconds."""
    return bool(os.environ.get("RAY_ADDRESS")) or Path("/tmp/ray/ray_current_cluster").exists()


def _import_ray(own: bool) -> ModuleType:
    """Import Ray with its telemetry and logs off; it reads these variables once, on import."""
    quiet = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_BACKEND_LOG_LEVEL": "fatal",
        "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    }
    if own and "ray" not in sys.modules and "RAY_AUTH_MODE" not in os.environ:
        quiet |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    try:
        import pyarrow  # noqa: F401
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtra("ray", "cluster", _("extraction over a cluster")) from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


def _connect(ray: ModuleType, address: str, folder: str, attempts: int = 3) -> None:
    """Connect to a cluster or start a local one; retry if Ray's half-minute limit was too short."""
    more = {"include_dashboard": False, "_temp_dir": folder} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **more)
    except Exception as error:  # Ray raises no specific class here
        if more and attempts > 1:
            ray.shutdown()
            _connect(ray, address, folder, attempts - 1)
            return
        raise EtabliError(
            _("cannot connect to the Ray cluster {address}").format(address=address),
            expected=_("auto, or the HOST:PORT that 'ray start --head' printed"),
            got=(str(error).strip() or type(error).__name__).splitlines()[0],
        ) from error


class RayCluster:
    """A connected cluster with its numbers of ``cpus`` and ``gpus``."""

    def __init__(self, ray: ModuleType, cpus: int, gpus: int) -> None:
        self.ray, self.cpus, self.gpus = ray, cpus, gpus

    def write_shards(
        self, out: Path, wanted: Sequence[Shard], job: ShardJob, progress: Callable[[int], None]
    ) -> None:
        """Compute the shards and write each as it arrives, in any order."""
        by_number = {shard.number: shard for shard in wanted}
        # A GPU needs many cores that decode for it.
        readers = max(2, self.cpus // self.gpus) if self.gpus else 2
        job = replace(job, weights=self.ray.put(job.weights), threads=1, readers=readers)
        for row in self._rows(wanted, job):
            if row["error"]:
                raise _RemoteError(*parse_json(row["error"]))
            shard = by_number.pop(row["number"], None)
            if shard is None:  # from an actor that was presumed dead
                continue
            _unpack_rows(row, job.recipe).write(out, shard)
            progress(len(shard.images))
        if by_number:
            raise EtabliError(
                _("the cluster did not return {count} shards").format(count=len(by_number))
            )

    def _rows(self, wanted: Sequence[Shard], job: ShardJob) -> Iterator[dict]:
        items = [{"shard": _pack_shard(shard)} for shard in wanted]
        actors = min(len(items), self.gpus or self.cpus)
        data = self.ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            ShardExtractor,
            batch_size=1,
            batch_format="pyarrow",
            compute=self.ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=2),
            fn_constructor_args=(job,),
            num_cpus=_CPUS_PER_ACTOR,
            num_gpus=1 if self.gpus else None,
        )
        try:
            for table in data.iter_batches(
                batch_size=1, batch_format="pyarrow", prefetch_batches=0
            ):
                yield from table.to_pylist()
        except (self.ray.exceptions.RayError, RuntimeError) as error:
            raise EtabliError(
                _("the cluster stopped working on the images"),
                got=str(error).strip().splitlines()[-1],
                fix=_("Run the same command again: what was finished is kept."),
            ) from error


class ShardExtractor:
    """What an actor runs; the net is opened at the first shard, so that its errors are reported."""

    def __init__(self, job: ShardJob) -> None:
        self.job = job
        self._tools: tuple[engines.Engine, Read] | None = None

    def __call__(self, table: Any) -> Any:
        import pyarrow

        shard = _unpack_shard(table["shard"][0].as_py())
        with use_language(self.job.language):
            try:
                row = {"error": "", **self._compute(shard)}
            except EtabliError as error:
                text = json.dumps([str(error), error.exit_code])
                row = {"error": text, "names": "", "unreadable": "", "features": b""}
            row["number"] = shard.number
        return pyarrow.table(
            {name: pyarrow.array([value], _types(pyarrow)[name]) for name, value in row.items()}
        )

    def _compute(self, shard: Shard) -> dict[str, object]:
        run, read = self._tools = self._tools or self._open()
        if shards.compute_fingerprint(shard.images) != shard.fingerprint:
            raise EtabliError(
                _("machine {name} does not see the same image files as this one").format(
                    name=os.uname().nodename
                ),
                fix=_("Put them in S3 storage, or under one path that all machines share."),
            )
        batches = shards.iterate_batches([shard], self.job.batch_size)
        parts = list(stream_features(batches, run, read, workers=self.job.readers))
        rows = shards.join_batches(parts, self.job.recipe)
        return {
            "names": json.dumps(rows.names),
            "unreadable": json.dumps([vars(each) for each in rows.unreadable]),
            "features": np.ascontiguousarray(rows.features).tobytes(),
        }

    def _open(self) -> tuple[engines.Engine, Read]:
        import keras
        import ray

        job = self.job
        model = keras.models.model_from_json(job.architecture)
        model.set_weights(ray.get(job.weights))
        engine, precision = str(job.recipe["engine"]), str(job.recipe["precision"])
        run = engines.open_engine(
            model, job.batch_size, engine, precision, job.cache_key, job.threads
        )
        return run, pipeline.make_reader(str(job.recipe["view"]), tuple(job.recipe["size"]))


class _RemoteError(EtabliError):
    """An error that an actor reported as a complete sentence."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.wrong


def _types(pyarrow: ModuleType) -> dict[str, object]:
    texts = dict.fromkeys(("error", "names", "unreadable"), pyarrow.large_string())
    return {"number": pyarrow.int64(), "features": pyarrow.large_binary(), **texts}


def _pack_shard(shard: Shard) -> str:
    images = [[each.name, _pack_source(each)] for each in shard.images]
    return json.dumps([shard.number, shard.fingerprint, images])


def _pack_source(image: NamedImage) -> str | list:
    if isinstance(image.source, RemoteImage):
        return list(astuple(image.source))
    return str(image.source)


def _unpack_shard(text: str) -> Shard:
    number, fingerprint, packed = parse_json(text)
    images = [
        NamedImage(name, RemoteImage(*source) if isinstance(source, list) else Path(source))
        for name, source in packed
    ]
    return Shard(number, images, fingerprint)


def _unpack_rows(row: dict, recipe: Recipe) -> ShardRows:
    names = parse_json(row["names"])
    features = np.frombuffer(row["features"], recipe["dtype"]).reshape(len(names), *recipe["shape"])
    return ShardRows(
        names, features, [Unreadable(**each) for each in parse_json(row["unreadable"])]
    )
