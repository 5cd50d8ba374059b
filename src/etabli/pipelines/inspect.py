"""What is wrong with a folder of images: a page and a table of findings, without a model."""

from dataclasses import dataclass
from pathlib import Path

from etabli.core.atomic_files import lock_folder
from etabli.core.errors import BadSetting, DataMissing
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.data.formats import image_source
from etabli.data.formats.image_source import ImageSource
from etabli.data.formats.labeled_images import LabeledImages
from etabli.features import inspection
from etabli.features.inspection import Inspection, align_features
from etabli.features.looks import load_looks
from etabli.features.store import Features
from etabli.pipelines._classifier import name_output
from etabli.pipelines.extract import extract_labeled
from etabli.pipelines.pages import inspection as page
from etabli.report import sections
from etabli.report.sections import Note, Page

TABLE, REPORT = "findings.csv", "report.html"


@dataclass(frozen=True)
class InspectionResult:
    """What was found in a source of images, the page that shows it, and the table of findings."""

    inspection: Inspection
    source: ImageSource
    report: Path
    table: Path


def inspect(
    images: Path | str,
    out: Path | str | None = None,
    *,
    backbone: str | None = None,
    weights: Path | str | None = "imagenet",
    overwrite: bool = False,
    reporter: Reporter | None = None,
    **source_options: str | Path | None,
) -> InspectionResult:
    """Look for duplicates, leakage, label errors and outliers; write a page and a table.

    Without weights of a net, duplicates, sizes and classes are found, and the rest is not.

    Args:
        images: Images as ``image_source.read`` takes them, with or without labels.
        out: The folder of the page; by default one named after the source.
        backbone: The net of the deep features; None is the best whose weights are here.
        weights: "imagenet", a weights file, or "none" to do without deep features.
        overwrite: Replace a page in ``out``.
        reporter: Shows the progress.
        source_options: Further arguments of ``image_source.read``, such as splits.

    Raises:
        DataMissing: There are no images, or the backbone that is named has no weights.
        BadSetting: ``out`` holds a page.
    """
    reporter = reporter or Silent()
    folder = Path(out) if out is not None else name_output(images, "inspection")
    if (folder / REPORT).exists() and not overwrite:
        raise BadSetting(
            _("{folder} already holds a report").format(folder=folder),
            fix=_("Choose another folder with --out, or replace the report with --overwrite."),
        )
    source = image_source.read(images, need_labels=False, **source_options)  # type: ignore[arg-type]
    source.report(reporter.print_line)
    features = _extract(source.images, backbone, weights, reporter)
    names = source.images.names
    found = inspection.inspect(
        source.images,
        None if features is None else align_features(features, names),
        looks=load_looks(features, names),
        reporter=reporter,
    )
    with lock_folder(folder):
        page.write_table(found, folder / TABLE)
        report = sections.write(_make_page(found, source), folder / REPORT)
    return InspectionResult(found, source, report, folder / TABLE)


def _extract(
    images: LabeledImages, backbone: str | None, weights: Path | str | None, reporter: Reporter
) -> Features | None:
    """Return the features of all images, or None without weights, which is reported."""
    if weights is None or str(weights) == "none":
        return None
    try:
        return extract_labeled(images, backbone, weights, reporter)
    except DataMissing as error:
        if backbone is not None or str(weights) != "imagenet":
            raise
        reporter.print_line(
            _("Without deep features, neither label errors nor outliers are found.")
        )
        reporter.print_line(str(error))
        return None


def _make_page(found: Inspection, source: ImageSource) -> Page:
    files = [*source.left_out.files, *((e.name, e.reason) for e in found.unreadable)]
    shown = [*page.make_sections(found), page.make_left_out_section(files)]
    if source.remarks:
        shown[-2] = sections.Section(
            shown[-2].key, shown[-2].title, [*map(Note, source.remarks), *shown[-2].blocks]
        )
    findings = page.list_findings(found) or [(_("Nothing suspicious was found."), "")]
    title = _("Inspection of {name}").format(name=source.images.title or _("images"))
    return Page(title, [source.summary()], shown, findings, page.list_warnings(found))


def make_document(result: InspectionResult) -> dict[str, object]:
    """Return the findings as plain values, images by name."""
    found, names = result.inspection, result.inspection.images.names
    return {
        "report": str(result.report),
        "table": str(result.table),
        "images": len(names),
        "left_out": [list(each) for each in result.source.left_out.files],
        "unreadable": [vars(each) for each in found.unreadable],
        "duplicates": [
            {
                "images": [names[row] for row in group.rows],
                "identical": group.is_identical,
                "splits": list(group.splits),
                "different_labels": group.has_two_labels,
            }
            for group in found.groups
        ],
        "label_errors": [
            {
                "image": names[error.row],
                "given": error.given,
                "probable": error.probable,
                "p_given": error.p_given,
                "p_probable": error.p_probable,
            }
            for error in found.errors
        ],
        "outliers": [
            {"image": names[row], "distance": distance} for row, distance in found.outliers
        ],
        "deep_features": found.has_features,
    }
