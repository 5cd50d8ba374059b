"""The words of the captions that practical 4 takes its vectors for."""

from etabli.data import flickr
from etabli.data.source import Source
from etabli.models.glove import vocabulary


def sentences(source: Source) -> list[list[str]]:
    """The training captions of Flickr8k (or of the sample scenes): lower case, only tokens with a letter."""
    train = flickr.load(source).train
    _pictures, captions = train.rows()
    lowered = [caption.lower().split() for caption in captions]
    return [[token for token in tokens if any(map(str.isalpha, token))] for tokens in lowered]


def words(source: Source, least: int = 1) -> tuple[str, ...]:
    """The distinct words of the training captions, the commonest first."""
    return vocabulary(sentences(source), least)
