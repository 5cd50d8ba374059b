"""Every reader of untrusted files: what it reads, from what kind of file, and its words.

The corpus is in ``corpus/<reader>/``; a file that once made a reader fail stays there.
"""

import faulthandler
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from unittest import mock

import numpy as np
from fuzz.mutating import inputs

from etabli.core.errors import CorruptFile, EtabliError
from etabli.data.catalog import archive
from etabli.data.formats import (
    caption_folder,
    flickr8k,
    idx,
    image_tables,
    tabular,
    text,
    voc,
    word_vectors,
)
from etabli.pipelines.course import submissions
from etabli.pipelines.course.assignment import read_assignment
from etabli.pipelines.course.rubric import read_rubric
from etabli.pipelines.course.students import read_students

CORPUS = Path(__file__).parent / "corpus"
SLOW = 5.0  # seconds of the processor that no input of 20 kB may take


@dataclass(frozen=True)
class Reader:
    """``read(path)`` must return or refuse. ``file`` is the name of the input."""

    name: str
    file: str
    read: Callable[[Path], object]
    words: tuple[bytes, ...] = ()

    @property
    def starts_a_process(self) -> bool:
        """Return whether each input costs a tenth of a second, in a process of its own."""
        return self.read is _points_by_child

    @property
    def seeds(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted((CORPUS / self.name).iterdir())]


def _folder(path: Path) -> object:
    return caption_folder.read_folder(path.parent)


def _table(path: Path) -> object:
    return image_tables.read_table(path, image_tables.Options(), lambda name: name)


def _caption_file(path: Path) -> object:
    return caption_folder.read_folder(path.parent, path)


def _points_without_gaps(path: Path) -> object:
    return tabular.read(path, options=tabular.Options(missing="drop"))


class _Forked:
    """The child process of ``tabular.child``, forked: an import takes longer than an input."""

    def __init__(self, request: str, said: IO[bytes]) -> None:
        answers, sent = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            faulthandler.disable()
            code = 1
            try:
                os.close(answers)
                os.dup2(said.fileno(), 2)
                given = json.loads(request) | {"seconds": 3}
                tabular.child.answer(given, os.fdopen(sent, "wb"))
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        os.close(sent)
        self.stdout = os.fdopen(answers, "rb")

    def __enter__(self) -> "_Forked":
        return self

    def __exit__(self, *_error: object) -> None:
        self.stdout.close()
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def _points_by_child(path: Path) -> object:
    """The reader of a child process; an exception in it that is not ours is a fault."""
    import h5py  # noqa: F401  # once, not in each fork
    import scipy.io
    import scipy.sparse  # noqa: F401

    from etabli.data.formats.tabular import scientific_files  # noqa: F401

    with mock.patch.object(tabular.child, "_start", _Forked):
        try:
            return tabular.read(path)
        except CorruptFile as error:
            if error.got is not None and "Error: " in str(error.got) and error.fix:
                raise AssertionError(error.got) from error
            raise


def _devkit(path: Path) -> object:
    return voc.read_devkit(path.parents[2], "trainval")


def _glove_wanted(path: Path) -> object:
    return word_vectors.read(path, {"the", "été", ""})


def _unpacked(path: Path) -> int:
    return archive.unpack(path, lambda name: path.parent / "out", max_bytes=2**20)


def _seed_run(path: Path) -> object:
    from etabli.report import run_folder

    return run_folder.read_seed_run(path.parent)


def _run(path: Path) -> object:
    from etabli.report import run_folder

    return run_folder.read_run(path.parent), run_folder.list_seed_runs(path.parent)


def _claims(path: Path) -> object:
    from etabli.pipelines.verify import read_claims

    return read_claims(path)


def _recipe(path: Path) -> object:
    from etabli.pipelines.race import read_recipe

    return read_recipe(path)


def _curve(path: Path) -> object:
    from etabli.report import run_folder

    return run_folder.read_curve(path.parent, "train")


def _captioner(path: Path) -> object:
    from etabli.saved_models import captioner

    return captioner.load(path.parent)


def _model_card(path: Path) -> object:
    from etabli.saved_models import classifier

    return classifier.load_card(path.parent)


def _text_model(path: Path) -> object:
    """Counts and a card of a text model, of which one is the input; and a character it writes."""
    from etabli.saved_models import text as saved_text

    reader, card = saved_text.load(path.parent)
    return reader.start(np.zeros((1, 3), np.int64)), card


def _site(path: Path) -> object:
    from etabli.web.publishing.check import read_questions

    return read_questions(path.parent)


def _checkpoint(path: Path) -> object:
    from etabli.training.checkpoint import Checkpoint

    return Checkpoint(path)


def _keras(path: Path) -> object:
    """The checks before Keras; what passes them is tested with Keras itself."""
    import zipfile

    from etabli.core.errors import CorruptFile
    from etabli.training import keras_io

    try:
        return keras_io.check_archive(path)
    except (
        zipfile.BadZipFile,
        ValueError,
        KeyError,
        OSError,
        RuntimeError,
        NotImplementedError,
        EOFError,
    ) as error:
        raise CorruptFile("as load reports it") from error


def _submitted(path: Path) -> object:
    """Collect what was handed in, and read its code without running it."""
    found, _left_out = submissions.collect(path)
    return [submissions.read_declared(submissions.read_code(each)) for each in found]


def _rubric(path: Path) -> object:
    return read_rubric(path, {"tp1.softmax": ("softmax.p",), "tp1.gradient": ("backward.grad_W",)})


XML = (
    *(
        b"<object>",
        b"</object>",
        b"<name>",
        b"</name>",
        b"<size>",
        b"<width>",
        b"<difficult>1</difficult>",
        b"&a;",
    ),
    *(
        b"<!DOCTYPE x>",
        b"<!ENTITY a 'b'>",
        b"<![CDATA[",
        b"]]>",
        b"<?xml version='1.0' encoding='utf-16'?>",
    ),
)
JSON = (
    b'"file_name"',
    b'"captions"',
    b'"labels"',
    b'"label"',
    b"\\ud800",
    b"{}",
    b'""',
    b":",
    b"1e400",
    b'{"a":' * 300,
)
NPY = (
    b"\x93NUMPY",
    b"'descr'",
    b"'fortran_order'",
    b"'shape'",
    b"|O",
    b"<f8",
    b"(",
    b",)",
    b"**",
    b"1" * 5000,
)
READERS = [
    Reader("idx", "images.idx", idx.read, (b"\0\0\x08\x03", b"\0\0\x0e\x10", b"\0\0\0\0")),
    Reader("idx_gzip", "images.gz", idx.read),
    Reader("voc_annotation", "a.xml", voc.read_annotation, XML),
    Reader(
        "voc_list", "ImageSets/Main/cat_trainval.txt", _devkit,
        (b" -1", b"  1", b" 0", b"one", b"two"),
    ),
    Reader("captions", "metadata.jsonl", _folder, JSON),
    Reader(
        "caption_table", "captions.csv", _caption_file,
        (b"image,caption", b"a.jpg", b'"', b"| ", b"#0\t", b'["', b"\xff\xfe", b"\xc2\x85"),
    ),
    Reader(
        "caption_json", "captions.json", _caption_file,
        (*JSON, b'"images"', b'"annotations"', b'"sentences"', b'"image_id"', b'"a.jpg"'),
    ),
    Reader("caption_parquet", "metadata.parquet", _caption_file, (b"PAR1", b"file_name")),
    Reader("caption_texts", "a.txt", _folder, (b"a.jpg,dog", b"\xff\xfe", b"image,caption")),
    Reader(
        "flickr_tokens", "Flickr8k.token.txt", flickr8k.read_tokens,
        (b".jpg#0\t", b"#", b"#\xc2\xb2\t"),
    ),
    Reader(
        "flickr_course", "course.txt", flickr8k.read_course,
        (b"image_id\tcaptions", b"<start>", b"<end>"),
    ),
    Reader(
        "glove", "glove.txt", word_vectors.read,
        (b"the 0.1 0.2", b"400000 2", b"\n \n", b"\xc2\xa0"),
    ),
    Reader("glove_wanted", "glove.txt", _glove_wanted, (b"the 0.1 0.2", b" ", b"the")),
    Reader(
        "vectors", "vectors.bin", word_vectors.read,
        (b"3 2\n", b"400000 2\n", b" 0.1 0.2\n", b"\t", b"\x1f\x8b", b"PK\x03\x04", b"\xff\xfe"),
    ),
    Reader("vectors_npy", "vectors.npy", word_vectors.read, NPY),
    Reader(
        "table_csv", "metadata.csv", _table,
        (b"file_name", b"labels", b"a.jpg", b'"a\nb"'),
    ),
    Reader("table_jsonl", "metadata.jsonl", _table, JSON),
    Reader("points_csv", "points.csv", tabular.read, (b"label", b"1_000", b"0x1p3", b'"1"', b"1j")),
    Reader("points_npy", "points.npy", tabular.read, NPY),
    Reader("points_npz", "points.npz", tabular.read, NPY),
    Reader(
        "points_mat", "points.mat", _points_by_child,
        (b"MATLAB 5.0 MAT-file", b"\x0e\0\0\0", b"\x0f\0\0\0", b"MATLAB 7.3 MAT-file"),
    ),
    Reader(
        "points_hdf5", "points.h5", _points_by_child,
        (b"\x89HDF\r\n\x1a\n", b"TREE", b"SNOD", b"OHDR", b"FRHP", b"GCOL", b"\xff" * 8),
    ),
    Reader(
        "points_h5ad", "points.h5ad", _points_by_child,
        (b"\x89HDF\r\n\x1a\n", b"TREE", b"OHDR", b"codes", b"shape", b"\xff" * 8),
    ),
    Reader(
        "points_safetensors", "points.safetensors", tabular.read,
        (b'"dtype"', b'"F32"', b'"shape"', b'"BF16"'),
    ),
    Reader(
        "points_txt", "points.txt", _points_without_gaps,
        (b"# ", b" nan", b'"', b"\t\t", b"\0", b"%", b"1,5 "),
    ),
    Reader(
        "points_excel", "points.csv", _points_without_gaps,
        (b"sep=|", b"\xff\xfe", b"0,5", b"1.234,5", b";;", b"\xc2\x85", b"-inf"),
    ),
    Reader("points_feather", "points.feather", tabular.read, (b"ARROW1", b"\xff" * 8)),
    Reader("points_arrow", "points.arrow", tabular.read, (b"ARROW1", b"\xff" * 8)),
    Reader("points_parquet", "points.parquet", tabular.read, (b"PAR1", b"\xff" * 8)),
    Reader("text", "text.txt", text.read, (b"*** START OF", b"*** END OF")),
    Reader(
        "own_text", "text.txt", text.read_corpus, (b"***START OF", b"\xff\xfe", b"%PDF-")
    ),
    Reader("html", "page.html", text.read_corpus, (b"<pre>", b"</p>", b"&#x110000;", b"<![")),
    Reader("epub", "book.epub", text.read_corpus, (b"PK\x01\x02", b"PK\x05\x06", b"itemref")),
    Reader("text_card", "card.json", _text_model, (b'"vocabulary"', b'"settings"', b'"files"')),
    Reader("ngram", "ngram.safetensors", _text_model, (b'"orders"', b"F64", b'"__metadata__"')),
    Reader("zip", "archive.zip", _unpacked, (b"../", b"PK\x01\x02", b"PK\x05\x06")),
    Reader("tar", "archive.tar", _unpacked, (b"ustar", b"../", b"\x00" * 512)),
    Reader("run", "run.json", _run, (b'"experiments"', b'"seeds"', b'"../.."', b'"format"')),
    Reader("seed_run", "seed_run.json", _seed_run, (b'"scores"', b'"seed"', b'"started"', b"NaN")),
    Reader("claims", "claims.json", _claims, (b'"claims"', b'"command"', b'"seeds"', b"1e999")),
    Reader("recipe", "recipe.json", _recipe, (b'"layers"', b'"epochs"', b"5x8s2 3x32p", b"1e999")),
    Reader("curve", "train.jsonl", _curve, (b'{"epoch": 1}', b"NaN")),
    Reader("captioner", "card.json", _captioner, (b'"words"', b'"search"', b'"beam"')),
    Reader("model_card", "card.json", _model_card, (b'"classes"', b'"scores"', b'"thresholds"')),
    Reader("site", "check.json", _site, (*JSON, b'"pages"', b'"questions"', b'"path"')),
    Reader("checkpoint", "m.safetensors", _checkpoint, (b'"rows"', b'"epoch"', b'"__metadata__"')),
    Reader("students", "list.csv", read_students, (b"sep=;", b"name", b"\xff\xfe", b'"', b";;")),
    Reader("submitted_zip", "all.zip", _submitted, (b"../", b"PK\x01\x02", b"PK\x05\x06", b".zip")),
    Reader("submitted_notebook", "a.ipynb", _submitted, (*JSON, b'"cells"', b'"source"', b"code")),
    Reader("rubric", "points.toml", _rubric, (b"[points]", b"= nan", b"= true", b"= {", b"1e999")),
    Reader("class_file", "class.json", read_assignment, (*JSON, b'"students"', b'"exercises"')),
    Reader("keras", "net.keras", _keras, (b"Lambda", b'"class_name"', b"PK\x01\x02")),
]  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """An input on which a reader neither returned nor refused, or took too long."""

    reader: str
    content: bytes
    what: str


def lay_out(reader: Reader, folder: Path) -> Path:
    """The path of the input, with the files that it needs around it."""
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)
    if reader.name == "voc_list":
        (path.parent / "trainval.txt").write_text("one\ntwo\n")
    if reader.name.startswith("caption"):
        (folder / "a.jpg").touch()
    if reader.name == "vectors_npy":
        (folder / "words.txt").write_text("the\ndog\nsea\n")
    other = {"text_card": ("ngram", "ngram.safetensors"), "ngram": ("text_card", "card.json")}
    if reader.name in other:
        name, file = other[reader.name]
        (folder / file).write_bytes((CORPUS / name / "whole").read_bytes())
    if reader.name == "captioner":
        (folder / "model.safetensors").write_bytes((CORPUS / "checkpoint" / "whole").read_bytes())
    return path


def tried(reader: Reader, path: Path, content: bytes) -> Fault | None:
    """One input."""
    path.unlink(
        missing_ok=True
    )  # a file written over is flushed to the disk by ext4, a new one is not
    path.write_bytes(content)
    begun = time.process_time()
    try:
        reader.read(path)
    except EtabliError:
        pass
    except Exception as error:
        return Fault(reader.name, content, f"{type(error).__name__}: {error}"[:300])
    took = time.process_time() - begun
    return Fault(reader.name, content, f"{took:.1f} s") if took > SLOW else None


def fuzzed(
    reader: Reader, folder: Path, count: int, seed: object, most: int = 5
) -> Iterator[Fault]:
    """``count`` inputs, the same for the same seed; stops after ``most`` faults."""
    path, draw = lay_out(reader, folder), random.Random(f"{reader.name} {seed}")
    made, found = inputs(reader.seeds, reader.words, draw), 0
    for _number in range(count):
        if fault := tried(reader, path, next(made)):
            yield fault
            found += 1
            if found >= most:
                return
