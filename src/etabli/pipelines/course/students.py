"""Class lists in common formats: any CSV, Moodle's exports, or one name per line."""

import csv
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from etabli.core.errors import BadSetting, CorruptFile
from etabli.core.i18n import _
from etabli.data.formats import text_file

__all__ = ["Student", "choose_id_column", "fold", "match_student", "read_students", "safe_name"]

# What a column may be called, without accents and capitals; Moodle's names in both languages.
_COLUMNS = {
    "number": ("id number", "idnumber", "numero d'identification", "numero d'etudiant"),
    "email": ("email address", "email", "e-mail", "mail", "adresse de courriel", "courriel"),
    "user": ("username", "login", "nom d'utilisateur", "identifiant de connexion"),
    "participant": ("identifier", "identifiant", "participant"),
    "first": ("first name", "firstname", "given name", "prenom"),
    "last": ("last name", "lastname", "surname", "family name", "nom de famille", "nom"),
    "name": ("full name", "fullname", "name", "nom complet", "student", "etudiant", "eleve"),
    "id": ("id", "student id", "matricule", "number", "numero"),
}


@dataclass(frozen=True)
class Student:
    """A student: an identifier that nobody else has, a name, and the cells of the list."""

    id: str
    name: str
    cells: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def folder(self) -> str:
        """A name of a folder that every system accepts."""
        return safe_name(self.name if self.name == self.id else f"{self.name}_{self.id}")


def safe_name(text: str) -> str:
    """Return a text as a file name: letters, digits, ``-`` and ``_``, at most 80."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^\w-]+", "-", plain).strip("-")[:80] or "student"


def fold(text: str) -> str:
    """Return a text without accents, capitals and repeated spaces, to compare names."""
    plain = unicodedata.normalize("NFKD", text)
    letters = "".join(each for each in plain if not unicodedata.combining(each))
    return " ".join(letters.replace("’", "'").casefold().replace("_", " ").split())


def read_students(path: Path | str) -> list[Student]:
    """Read the class list: a CSV with ``,``, ``;`` or tabs, or one name per line.

    Raises ``DataMissing`` for a missing file, ``CorruptFile`` for one without students, and
    ``BadSetting`` where two students have the same identifier.
    """
    lines = [line for line in text_file.read(path).lines if line.strip(' ,;\t"')]
    if lines and re.fullmatch(r'"?sep=(.)"?', lines[0].strip()):  # Excel's own first line
        lines = lines[1:]
    if not lines:
        raise CorruptFile(_("{path} lists no students").format(path=path))
    delimiter = max(",;\t", key=lines[0].count)
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error as error:  # a cell of more than 128 kB
        raise CorruptFile(_("{path} lists no students").format(path=path)) from error
    columns = _find_columns(rows[0])
    if columns:
        header, rows = rows[0], rows[1:]
    else:  # no header: the first column is a name
        header, columns = [f"column {index + 1}" for index in range(len(rows[0]))], {"name": 0}
    students = [_make_student(row, header, columns) for row in rows]
    students = [student for student in students if student.id]
    if not students:
        raise CorruptFile(_("{path} lists no students").format(path=path))
    _refuse_repeated(students)
    return students


def _find_columns(header: list[str]) -> dict[str, int]:
    """Find the role of each column; empty where no column name is known."""
    folded = [fold(name) for name in header]
    found = {}
    for kind, names in _COLUMNS.items():
        index = next((folded.index(name) for name in names if name in folded), None)
        if index is not None:
            found[kind] = index
    return found


def _make_student(row: list[str], header: list[str], columns: dict[str, int]) -> Student:
    cells = dict(zip(header, row, strict=False))

    def cell(kind: str) -> str:
        index = columns.get(kind)
        return row[index] if index is not None and index < len(row) else ""

    name = cell("name") or f"{cell('first')} {cell('last')}".strip()
    kinds = ("number", "id", "email", "user", "participant")
    identifier = next((cell(kind) for kind in kinds if cell(kind)), name)
    participant = re.sub(r"\D", "", cell("participant"))  # "Participant 12345"
    if participant:
        cells["participant"] = participant
    return Student(identifier, name or identifier, cells)


def _refuse_repeated(students: list[Student]) -> None:
    seen: dict[str, Student] = {}
    for student in students:
        other = seen.setdefault(student.id, student)
        if other is not student:
            raise BadSetting(
                _("two students have the identifier {id}: {name}, {other}").format(
                    id=student.id, name=other.name, other=student.name
                ),
                fix=_("Give the list a column 'ID number' or 'Email address'."),
            )


def match_student(students: list[Student], name: str, participant: str = "") -> Student | None:
    """Find the student of a folder or file by Moodle's number, identifier or name."""
    if participant:
        for student in students:
            if student.cells.get("participant") == participant:
                return student
    wanted = _words(name)
    found = [
        student
        for student in students
        if wanted in (_words(student.name), _words(student.id), _words(student.folder))
    ]
    return found[0] if len(found) == 1 else None


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name in alphabetical order: lists differ in which name is first."""
    return tuple(sorted(re.findall(r"[^\W_]+", fold(name))))


def choose_id_column(students: list[Student], wanted: str | None) -> str:
    """Return the column of the list that identifies students in the marks; '' for their id.

    Raises ``BadSetting`` for a column that the list does not have.
    """
    columns = list(students[0].cells) if students else []
    if wanted is None:
        known = (*_COLUMNS["number"], *_COLUMNS["email"])
        best = [name for name in columns if fold(name) in known]
        filled = [name for name in best if all(student.cells.get(name) for student in students)]
        return filled[0] if filled else ""
    found = [name for name in columns if fold(name) == fold(wanted)]
    if not found:
        raise BadSetting(
            _("the list of students has no column {name}").format(name=wanted),
            expected=", ".join(columns),
        )
    return found[0]
