import random

import pytest
from mirrors import LOOPBACK, running

from etabli.core.errors import CorruptFile, NoSpace, UnsafeArchive
from etabli.data.catalog import fetch as module
from etabli.data.catalog.fetch import Policy, Unreachable, download

CONTENT = random.Random(0).randbytes(50_000)


@pytest.fixture
def mirror():
    with running() as server:
        yield server


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(module, "_WAIT", 0.01)


def bring(url, tmp_path, most=10**6, **options):
    reports = []
    download(url, tmp_path / "got", most, LOOPBACK, reports.append, **options)
    return (tmp_path / "got").read_bytes(), reports


def test_a_file_arrives_complete_and_reports_its_progress(mirror, tmp_path):
    content, reports = bring(mirror.serve("/a", CONTENT), tmp_path)
    assert content == CONTENT
    assert reports[0] == 0 and reports[-1] == len(CONTENT) and reports == sorted(reports)
    assert [path.name for path in tmp_path.iterdir()] == ["got"]


def test_an_interrupted_connection_is_resumed(mirror, tmp_path):
    content, __ = bring(mirror.serve("/a", CONTENT, breaks=[20_000, 10_000, 0]), tmp_path)
    assert content == CONTENT
    asked = mirror.asked("/a")
    assert asked[:3] == [None, "bytes=20000-", "bytes=30000-"]


def test_a_server_that_ignores_range_starts_again(mirror, tmp_path):
    content, __ = bring(mirror.serve("/a", CONTENT, breaks=[20_000], ignores_range=True), tmp_path)
    assert content == CONTENT and mirror.asked("/a") == [None, "bytes=20000-"]


def test_a_server_that_resumes_at_another_offset_starts_again(mirror, tmp_path):
    content, __ = bring(mirror.serve("/a", CONTENT, breaks=[20_000], answers_from=5), tmp_path)
    assert content == CONTENT and mirror.asked("/a") == [None, "bytes=20000-", None]


def test_a_partial_file_is_not_used_without_a_checksum(mirror, tmp_path):
    (tmp_path / "got.part").write_bytes(b"from before")
    content, __ = bring(mirror.serve("/a", CONTENT), tmp_path, resume=False)
    assert content == CONTENT and mirror.asked("/a") == [None]


def test_a_server_that_never_gets_on_is_given_up(mirror, tmp_path):
    url = mirror.serve("/a", CONTENT, breaks=[100] + [0] * 50)
    with pytest.raises(Unreachable, match="was interrupted"):
        bring(url, tmp_path)
    assert len(mirror.asked("/a")) == 1 + module.MAX_ATTEMPTS - 1
    assert not (tmp_path / "got").exists() and (tmp_path / "got.part").read_bytes() == CONTENT[:100]


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_an_error_status_is_unreachable(mirror, tmp_path, status):
    with pytest.raises(Unreachable, match=f"HTTP {status}"):
        bring(mirror.serve("/a", CONTENT, status=status), tmp_path)


def test_content_encoded_in_transit_is_refused(mirror, tmp_path):
    with pytest.raises(Unreachable, match="content encoding"):
        bring(mirror.serve("/a", CONTENT, encoding="gzip"), tmp_path)


def test_a_dead_host_is_unreachable(tmp_path):
    with running() as server:
        url = server.serve("/a")
    with pytest.raises(Unreachable, match="no connection"):
        bring(url, tmp_path)


def test_more_than_is_allowed_is_refused_by_its_header_and_by_its_content(mirror, tmp_path):
    with pytest.raises(CorruptFile, match="larger than the catalog says"):
        bring(mirror.serve("/a", CONTENT), tmp_path, most=49_999)
    with pytest.raises(CorruptFile, match="larger than the catalog says"):
        bring(mirror.serve("/b", b"x", lies_about_length=10**9), tmp_path)
    with pytest.raises(CorruptFile, match="at most 20000 bytes"):
        bring(mirror.serve("/c", CONTENT, hides_length=True), tmp_path, most=20_000)
    assert list(tmp_path.iterdir()) == []


def test_redirects_inside_the_catalog_are_followed(mirror, tmp_path):
    mirror.serve("/real", CONTENT)
    assert bring(mirror.serve("/a", status=302, location="/real"), tmp_path)[0] == CONTENT


@pytest.mark.parametrize(
    "location",
    ["http://localhost/a", "https://127.0.0.1/a", "file:///etc/passwd", "http://169.254.169.254/"],
)
def test_redirects_out_of_the_catalog_are_refused(mirror, tmp_path, location):
    with pytest.raises(UnsafeArchive, match="which is not in the catalog"):
        bring(mirror.serve("/a", status=302, location=location), tmp_path)


def test_redirects_in_a_circle_end(mirror, tmp_path):
    with pytest.raises(Unreachable, match="too many redirects"):
        bring(mirror.serve("/a", status=301, location="/a"), tmp_path)


def test_only_https_and_the_hosts_of_the_catalog_are_allowed_by_default():
    assert Policy().check("https://ossci-datasets.s3.amazonaws.com/mnist/x")
    for url in (
        "http://ossci-datasets.s3.amazonaws.com/mnist/x",
        "https://127.0.0.1/x",
        "https://ossci-datasets.s3.amazonaws.com.evil.org/x",
        "https://github.com@evil.org/x",
        "ftp://github.com/x",
    ):
        with pytest.raises(UnsafeArchive):
            Policy().check(url)


def test_a_full_disk_is_one_sentence(mirror, tmp_path):
    (tmp_path / "got.part").symlink_to("/dev/full")
    with pytest.raises(NoSpace):
        bring(mirror.serve("/a", CONTENT), tmp_path)
