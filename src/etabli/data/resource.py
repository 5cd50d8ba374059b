"""What a data set of the catalogue is made of."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class File:
    """One file of a data set: its path in the set's folder, the size in bytes and the checksum of its content.

    ``aliases`` are other names under which people have it. ``revised`` marks a file that its publisher edits
    from time to time: another content is told, not refused.
    """

    path: str
    size: int
    checksum: str | None = None
    aliases: tuple[str, ...] = ()
    revised: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def names(self) -> tuple[str, ...]:
        """All names under which the file may be met, plain and gzip."""
        known = (self.name, *self.aliases)
        plain = tuple(name.removesuffix(".gz") for name in known if name.endswith(".gz"))
        return known + plain


@dataclass(frozen=True)
class Tree:
    """A folder of many files: how many there are, and the list file that names them, one stem a line.

    A count of 0 means that they are kept and not counted. ``aliases`` are other ends of the folder's path.
    """

    path: str
    suffix: str
    count: int
    listed: str | None = None
    aliases: tuple[str, ...] = ()

    @property
    def tails(self) -> tuple[str, ...]:
        """The ends of a folder's path by which it is recognised."""
        return (self.path, *self.aliases)


@dataclass(frozen=True)
class Part:
    """One download: its mirrors, its size in bytes, and what of it is kept."""

    urls: tuple[str, ...]
    size: int
    files: tuple[File, ...] = ()
    trees: tuple[Tree, ...] = ()
    unpacked: int = 0  # bytes on the disk; the size of the download where it is kept as it is
    checksum: str | None = None

    @property
    def name(self) -> str:
        return self.urls[0].rpartition("/")[2]


@dataclass(frozen=True)
class Resource:
    """A data set: what it is, its licence and citation, and the downloads that it consists of.

    ``stand_ins`` are files or folders that serve in place of the official ones, with what differs.
    """

    name: str
    title: str
    licence: str
    citation: str
    home: str
    parts: tuple[Part, ...]
    stand_ins: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes to download for the whole set."""
        return sum(part.size for part in self.parts)

    @property
    def files(self) -> tuple[File, ...]:
        return tuple(file for part in self.parts for file in part.files)
