import pytest

from etabli.core.errors import DataMissing
from etabli.data.catalog.source import Source
from etabli.data.synthetic import verse


@pytest.fixture
def sample(tmp_path):
    return verse.load(Source.sample(tmp_path))


def test_the_sample_verse_is_read_by_its_markers(sample):
    assert sample.characters.startswith("sur l'établi de chêne")
    assert sample.characters.endswith("garde une place au bois.")


def test_the_sample_verse_is_long_enough_to_learn_from(sample):
    assert len(sample.characters.encode()) > 17_000
    assert 35 < len(sample.vocabulary) < 80


def test_the_sample_file_has_at_least_20_kilobytes(tmp_path):
    verse.make(tmp_path)
    assert (tmp_path / verse.FILE).stat().st_size >= 20_000


def test_a_missing_book_says_how_to_get_it(tmp_path):
    with pytest.raises(DataMissing, match="fleurs_du_mal"):
        verse.load(Source.full(tmp_path))
