"""Each row of the tables of captions and word vectors in docs/tools/data.md, as a file."""

import numpy as np
import pytest
from data.formats import test_caption_files as captions
from data.formats import test_word_vectors as vectors
from data.formats.test_documented_texts import documented_rows

from etabli.core.errors import CorruptFile
from etabli.data.formats import caption_folder, word_vectors

CAPTION_ROWS = documented_rows("data.md", "Your own captions")
VECTOR_ROWS = documented_rows("data.md", "Your own word vectors")
WRITERS = {
    "`metadata.jsonl`": (
        captions.metadata_jsonl,
        captions.metadata_csv,
        captions.metadata_parquet,
    ),
    "`image,caption`": (captions.kaggle,),
    "`image.jpg#0`": (captions.official,),
    "`image_name": (captions.flickr30k,),
    "a table with": (
        captions.columns_of_captions,
        captions.lists_in_cells,
        captions.without_header,
        captions.caption_first,
        captions.numbered,
    ),
    "`id`, `name`": (captions.roco, captions.roco_table),
    "`image_id`": (captions.course,),
    "`dataset_*.json`": (captions.karpathy,),
    "`captions_*.json`": (captions.coco,),
    "`TextCaps_0.1_": (captions.textcaps,),
    "a list of objects": (
        captions.list_of_objects,
        captions.mapping,
        captions.mapping_of_stems,
    ),
    "a `.txt`, `.caption`": (captions.texts, captions.img2dataset),
}
PACKED = {
    "a word and D numbers": ("glove.txt", "windows.txt", "utf16.txt"),
    "the same after": ("word2vec.txt", "fasttext.vec", "bom_header.txt"),
    "the same with tabs": ("tab.tsv",),
    "word2vec's binary": ("gensim.bin", "word2vec.bin"),
    "`.gz`": ("vec.txt.gz", "GoogleNews.bin.gz", "vec.bz2", "vec.xz"),
    "`.zip`": ("one.zip",),
}


@pytest.mark.parametrize("row", CAPTION_ROWS)
def test_each_documented_caption_file_is_read(row, tmp_path):
    (kind,) = (each for each in WRITERS if row.startswith(each))
    for write in WRITERS[kind]:
        (tmp_path / write.__name__).mkdir()
        captions.make(write, tmp_path / write.__name__)
        data = caption_folder.read_folder(tmp_path / write.__name__)
        assert data.captions == captions.CAPTIONS


@pytest.mark.parametrize("row", VECTOR_ROWS)
def test_each_documented_file_of_vectors_is_read(row, tmp_path):
    if row.startswith("`.npy`"):
        np.save(tmp_path / "v.npy", vectors.make_vectors())
        (tmp_path / "v.txt").write_text("\n".join(vectors.WORDS), encoding="utf-8")
        assert word_vectors.read(tmp_path / "v.npy").words == vectors.WORDS
        return
    if row.startswith("a pickle"):
        for content in (b"\x80\x04\x95", b"\xba\x16\x4f\x2f"):
            (tmp_path / "v").write_bytes(content + b"x" * 20)
            with pytest.raises(CorruptFile, match=r"\.vec|save_word2vec_format"):
                word_vectors.read(tmp_path / "v")
        return
    (kind,) = (each for each in PACKED if row.startswith(each))
    for name in PACKED[kind]:
        (tmp_path / name).write_bytes(vectors.FORMATS[name])
        read = word_vectors.read(tmp_path / name)
        assert read.words == vectors.WORDS
        np.testing.assert_array_equal(read.vectors, vectors.make_vectors())


def test_the_french_tables_have_the_same_rows():
    assert len(documented_rows("data.fr.md", "Vos propres légendes")) == len(CAPTION_ROWS)
    assert len(documented_rows("data.fr.md", "Vos propres vecteurs de mots")) == len(VECTOR_ROWS)
