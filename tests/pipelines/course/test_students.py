"""Lists of a class as people have them."""

import pytest

from etabli.core.errors import BadSetting, CorruptFile
from etabli.pipelines.course.students import choose_id_column, match_student, read_students

LISTS = {
    "Excel, French, BOM": "\ufeffNom;Prénom;Adresse de courriel\r\nBorel;Émile;e@x.org\r\n"
    "Noether;Emmy;n@x.org\r\n",
    "Excel's separator line": "sep=;\nNom;Prénom;Courriel\nBorel;Émile;e@x.org\n"
    "Noether;Emmy;n@x.org\n",
    "Moodle's participants": '"First name","Last name","ID number","Email address"\n'
    'Émile,Borel,,e@x.org\n"Emmy","Noether",,n@x.org\n',
    "Moodle's grading worksheet": "Identifier,Full name,Email address,Status\n"
    "Participant 71,Émile Borel,e@x.org,-\nParticipant 72,Emmy Noether,n@x.org,-\n",
    "tabs": "name\temail\nÉmile Borel\te@x.org\nEmmy Noether\tn@x.org\n",
    "one name per line": "Émile Borel\n\nEmmy Noether\n",
}


@pytest.mark.parametrize("kind", LISTS)
def test_every_kind_of_list_gives_the_same_students(tmp_path, kind):
    path = tmp_path / "list.csv"
    path.write_text(LISTS[kind], encoding="utf-8", newline="")
    found = read_students(path)
    assert [student.name for student in found] == ["Émile Borel", "Emmy Noether"]
    if kind != "one name per line":
        assert [student.id for student in found] == ["e@x.org", "n@x.org"]


def test_a_list_of_excel_in_windows_1252_is_read(tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes("Nom;Prénom\nBorel;Émile\n".encode("windows-1252"))
    assert read_students(path)[0].name == "Émile Borel"


def test_a_submission_is_matched_by_number_or_by_name_in_either_order(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(LISTS["Moodle's grading worksheet"], encoding="utf-8")
    borel, noether = read_students(path)
    assert match_student([borel, noether], "anything", "72") is noether
    assert match_student([borel, noether], "BOREL emile") is borel
    assert match_student([borel, noether], borel.folder) is borel
    assert match_student([borel, noether], "Émile") is None


def test_a_list_without_students_or_with_two_of_one_identifier_is_refused(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("name,email\n")
    with pytest.raises(CorruptFile, match="lists no student"):
        read_students(path)
    path.write_text("name,email\nAda,a@x\nBob,a@x\n")
    with pytest.raises(BadSetting, match="Ada, Bob"):
        read_students(path)


def test_the_column_of_the_marks_is_the_wanted_one_or_the_first_that_is_filled(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(LISTS["Moodle's participants"], encoding="utf-8")
    students = read_students(path)
    assert choose_id_column(students, None) == "Email address"  # the other one is empty
    assert choose_id_column(students, "id NUMBER") == "ID number"
    with pytest.raises(BadSetting, match="no column login"):
        choose_id_column(students, "login")
