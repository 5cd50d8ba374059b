"""Whatever ends a command ends it with one sentence, and any text can be printed."""

import errno
import io
import json
import sys

import pytest

from etabli.cli import _errors
from etabli.core.errors import BadSetting


def ended(command, capsys):
    with pytest.raises(SystemExit) as end:
        _errors.run_with_error_handling(command)
    return end.value.code, capsys.readouterr().err


def failing(number):
    def command():
        raise OSError(number, "as the system says it", "/somewhere/history.jsonl")

    return command


def test_a_full_disk_under_a_library_is_a_sentence_too(capsys):
    code, text = ended(failing(errno.ENOSPC), capsys)
    assert code == 5 and text.startswith("etabli: no space left to write /somewhere/history.jsonl.")


def test_an_error_of_the_system_that_is_unknown_is_raised_as_it_is():
    with pytest.raises(OSError, match="as the system says it"):
        _errors.run_with_error_handling(failing(errno.EIO))


def test_a_name_that_the_terminal_cannot_write_is_written_with_a_backslash(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    _errors.run_with_error_handling(lambda: print("été \udcff"))
    terminal.flush()
    assert terminal.buffer.getvalue() == b"\\xe9t\\xe9 \\udcff\n"


def test_a_setting_nested_too_deeply_is_taken_as_text():
    deep = "[" * 100_000
    assert _errors.parse_settings([f"units={deep}"]) == {"units": deep}
    with pytest.raises(BadSetting, match="key=value"):
        _errors.parse_settings(["units"])


def test_what_files_say_sends_nothing_to_the_terminal(capsys):
    _errors.print_error("\x1b[2Jcaption\x9b31m\x07 of a\tfile\n")
    assert capsys.readouterr().err == "etabli: \\x1b[2Jcaption\\x9b31m\\x07 of a\tfile\n\n"
    _errors.print_json({"word": "\x1b[2J\x9b31m\x7f été"})
    out = capsys.readouterr().out
    assert not any(character in out for character in "\x1b\x9b\x7f")
    assert json.loads(out) == {"word": "\x1b[2J\x9b31m\x7f été"}


def test_names_of_files_send_nothing_to_the_terminal(etabli, tmp_path):
    result = etabli("words", tmp_path / "\x1b[2Jvectors.txt")
    assert result.code == 3
    assert "\x1b" not in result.err and "\\x1b[2Jvectors.txt" in result.err


def test_control_characters_are_visible_and_json_stays_json(capsys):
    text = "a\x1b[31m\x07b\x9bc\u202ed\r\n\té"
    assert _errors.escape_controls(text) == r"a\x1b[31m\x07b\x9bc\u202ed\r" + "\n\té"
    _errors.print_json([text])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "\x9b" not in printed
    assert json.loads(printed) == [text]
