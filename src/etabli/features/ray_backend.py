"""The same shards, computed by the actors of a Ray cluster: each holds the net, takes a shard, returns its rows.

Only where a shard is computed differs from the local run: an actor cuts, decodes, computes and joins by the same code,
and the process that asked writes each shard as it comes, under its name. A shard that an actor died over is given to
another; one that stands on disk is not asked for again.
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

import numpy as np

from etabli.core.atomic_files import parse_json
from etabli.core.errors import EtabliError, MissingExtra
from etabli.core.i18n import _, current_language, use_language
from etabli.data.formats.s3 import RemoteImage
from etabli.features import engines, pipeline, shards
from etabli.features.pipeline import Picture, Unreadable, stream
from etabli.features.shards import Rows, Shard

__all__ = ["Crew", "Job", "joined"]

_SHARE = 0.5  # of a core, as Ray counts it: actors that took all cores would leave none to what feeds them


@dataclass(frozen=True)
class Job:
    """What every actor is told: the net, and how a shard is made. ``weights`` becomes a reference in the cluster."""

    architecture: str
    weights: object
    recipe: dict[str, object]
    batch_size: int
    mark: str
    language: str
    threads: int | None = None
    readers: int = 2

    @classmethod
    def of(cls, part, recipe: dict[str, object], batch_size: int, mark: str) -> "Job":
        return cls(part.to_json(), part.get_weights(), recipe, batch_size, mark, current_language())


@contextmanager
def joined(address: str) -> Iterator["Crew"]:
    """The cluster at an address; "auto" is the one that runs here (``RAY_ADDRESS``, ``ray start``), or one of our own.

    One of our own lives as long as the block, listens to nobody without its token, and leaves nothing on disk.
    """
    own = address == "auto" and not _one_runs()
    ray, folder = (
        _ray(own),
        tempfile.mkdtemp(prefix="etabli-", dir="/tmp" if Path("/tmp").is_dir() else None),
    )
    try:
        _connect(ray, "local" if own else address, folder)
        held = ray.cluster_resources()
        yield Crew(ray, max(1, int(held.get("CPU", 1))), int(held.get("GPU", 0)))
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _one_runs() -> bool:
    """Whether ``ray start`` was called here: Ray itself would look for twenty seconds before it says no."""
    return bool(os.environ.get("RAY_ADDRESS")) or Path("/tmp/ray/ray_current_cluster").exists()


def _ray(own: bool):
    """Ray, told to keep to itself before it is imported: it reads these once."""
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


def _connect(ray, address: str, folder: str, attempts: int = 3) -> None:
    """Join, or start one of our own. Ray gives its own processes half a minute: on a busy machine they get another."""
    more = {"include_dashboard": False, "_temp_dir": folder} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **more)
    except Exception as error:  # Ray has no kind of its own for what goes wrong here
        if more and attempts > 1:
            ray.shutdown()
            _connect(ray, address, folder, attempts - 1)
            return
        raise EtabliError(
            _("the Ray cluster {address} could not be joined").format(address=address),
            expected=_("auto, or the HOST:PORT that 'ray start --head' told"),
            got=(str(error).strip() or type(error).__name__).splitlines()[0],
        ) from error


class Crew:
    """A cluster that was joined: ``cpus`` and ``gpus`` that it has."""

    def __init__(self, ray, cpus: int, gpus: int) -> None:
        self.ray, self.cpus, self.gpus = ray, cpus, gpus

    def write_shards(
        self, out: Path, wanted: Sequence[Shard], job: Job, told: Callable[[int], None]
    ) -> None:
        """Have the shards computed and write each as it comes, in whatever order they do."""
        by_number = {shard.number: shard for shard in wanted}
        readers = (
            max(2, self.cpus // self.gpus) if self.gpus else 2
        )  # a GPU wants many cores to decode for it
        job = replace(job, weights=self.ray.put(job.weights), threads=1, readers=readers)
        for row in self._rows(wanted, job):
            if row["refusal"]:
                raise _Told(*parse_json(row["refusal"]))
            shard = by_number.pop(row["number"], None)
            if shard is None:  # an actor that was thought dead and was not
                continue
            _unpacked(row, job.recipe).write(out, shard)
            told(len(shard.pictures))
        if by_number:
            raise EtabliError(
                _("the cluster returned no answer for {count} shards").format(count=len(by_number))
            )

    def _rows(self, wanted: Sequence[Shard], job: Job) -> Iterator[dict]:
        items = [{"shard": _packed(shard)} for shard in wanted]
        actors = min(len(items), self.gpus or self.cpus)
        data = self.ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            Extractor,
            batch_size=1,
            batch_format="pyarrow",
            compute=self.ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=2),
            fn_constructor_args=(job,),
            num_cpus=_SHARE,
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


class Extractor:
    """What an actor runs. The net is opened at the first shard, so that a refusal of it can be told like any other."""

    def __init__(self, job: Job) -> None:
        self.job, self._tools = job, None

    def __call__(self, table):
        import pyarrow

        shard = _shard(table["shard"][0].as_py())
        with use_language(self.job.language):
            try:
                row = {"number": shard.number, "refusal": "", **self._answer(shard)}
            except EtabliError as refusal:
                told = json.dumps([str(refusal), refusal.exit_code])
                row = {
                    "number": shard.number,
                    "refusal": told,
                    "names": "",
                    "unreadable": "",
                    "features": b"",
                }
        return pyarrow.table(
            {name: pyarrow.array([value], _types(pyarrow)[name]) for name, value in row.items()}
        )

    def _answer(self, shard: Shard) -> dict[str, object]:
        run, read = self._tools = self._tools or self._open()
        if shards.fingerprint(shard.pictures) != shard.mark:
            raise EtabliError(
                _("machine {name} does not see the images as this one does").format(
                    name=os.uname().nodename
                ),
                fix=_("Put them in S3 storage, or where every machine has them under one path."),
            )
        parts = list(
            stream(
                shards.batches([shard], self.job.batch_size), run, read, workers=self.job.readers
            )
        )
        rows = shards.joined(parts, self.job.recipe)
        return {
            "names": json.dumps(rows.names),
            "unreadable": json.dumps([vars(each) for each in rows.unreadable]),
            "features": np.ascontiguousarray(rows.features).tobytes(),
        }

    def _open(self):
        import keras
        import ray

        job = self.job
        model = keras.models.model_from_json(job.architecture)
        model.set_weights(ray.get(job.weights))
        engine, precision = str(job.recipe["engine"]), str(job.recipe["precision"])
        run = engines.open_engine(model, job.batch_size, engine, precision, job.mark, job.threads)
        return run, pipeline.reader(str(job.recipe["view"]), tuple(job.recipe["size"]))


class _Told(EtabliError):
    """A refusal that an actor wrote: its sentence is whole already."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.wrong


def _types(pyarrow) -> dict[str, object]:
    texts = dict.fromkeys(("refusal", "names", "unreadable"), pyarrow.large_string())
    return {"number": pyarrow.int64(), "features": pyarrow.large_binary(), **texts}


def _packed(shard: Shard) -> str:
    pictures = [[each.name, _place(each)] for each in shard.pictures]
    return json.dumps([shard.number, shard.mark, pictures])


def _place(picture: Picture) -> str | list:
    return (
        list(astuple(picture.source))
        if isinstance(picture.source, RemoteImage)
        else str(picture.source)
    )


def _shard(text: str) -> Shard:
    number, mark, pictures = parse_json(text)
    sources = [
        RemoteImage(*place) if isinstance(place, list) else Path(place) for _name, place in pictures
    ]
    return Shard(
        number,
        [Picture(each[0], source) for each, source in zip(pictures, sources, strict=True)],
        mark,
    )


def _unpacked(row: dict, recipe: dict[str, object]) -> Rows:
    names = parse_json(row["names"])
    features = np.frombuffer(row["features"], recipe["dtype"]).reshape(len(names), *recipe["shape"])
    return Rows(names, features, [Unreadable(**each) for each in parse_json(row["unreadable"])])
