"""Mutations of inputs: cut, doubled, mixed, with the words of their format in wrong places."""

import random
from collections.abc import Iterator, Sequence

ODD = (
    *(
        b"",
        b"\0",
        b"\xff",
        b"\xff\xff\xff\xff",
        b"\x7f\xff\xff\xff",
        b"\x80\0\0\0",
        b"\n",
        b"\r",
        b"\r\n",
        b"\t",
        b" ",
    ),
    *(
        b'"',
        b"'",
        b",",
        b";",
        b"|",
        b"{",
        b"}",
        b"[",
        b"]",
        b"[" * 2000,
        b"null",
        b"true",
        b"-1",
        b"0",
        b"1e999",
        b"nan",
    ),
    *(
        b"inf",
        b"9" * 30,
        b"\xc3",
        b"\xe2\x80\xa8",
        b"\xef\xbb\xbf",
        b"\xc2\x85",
        b"../x",
        b"/etc/passwd",
    ),
    *(b"\x1f\x8b", b"PK\x03\x04"),
)
MOST = 20_000  # bytes of an input


def inputs(seeds: Sequence[bytes], words: Sequence[bytes], draw: random.Random) -> Iterator[bytes]:
    """Without end: a seed under one to eight changes, now and then nothing but noise."""
    words = (*words, *ODD)
    while True:
        if draw.random() < 0.01:
            yield draw.randbytes(draw.randrange(200))
            continue
        content = bytearray(draw.choice(seeds))
        for _change in range(draw.choice((1, 1, 1, 2, 2, 3, 4, 8))):
            _changed(content, seeds, words, draw)
        yield bytes(content[:MOST])


def _changed(
    content: bytearray, seeds: Sequence[bytes], words: Sequence[bytes], draw: random.Random
) -> None:
    start = draw.randrange(len(content) + 1)
    end = min(len(content), start + draw.choice((1, 1, 2, 4, 16, 64, len(content))))
    how = draw.randrange(8)
    if how == 0 and start < len(content):
        content[start] ^= 1 << draw.randrange(8)
    elif how == 1:
        content[start:end] = draw.randbytes(end - start)
    elif how == 2:
        del content[start:end]
    elif how == 3:
        content[start:start] = content[start:end]
    elif how == 4:
        content[start:start] = draw.choice(words)
    elif how == 5:
        content[start:end] = draw.choice(words)
    elif how == 6:
        other = draw.choice(seeds)
        at = draw.randrange(len(other) + 1)
        content[start:end] = other[at : at + draw.choice((1, 4, 16, 64, len(other)))]
    else:
        del content[start:]
