"""The proof of a promotion, in a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from mvops.notebook.matching import Difference, MetricRow
from mvops.notebook.verify import Verification
from mvops.show.html import promotion
from mvops.show.html.parts import bold, code, framed, line, table, toned
from mvops.show.promotion import VERDICTS, predictions_line, verification_lines
from mvops.usecases.promote import Promoted

_TONES = {"equal": "good", "different": "bad", "not_comparable": "warn"}
_MOST = 20  # differences that are shown


def html(proof: Verification) -> Markup:
    """The verdict, the metrics side by side, and where the numbers differ."""
    said = f"{VERDICTS[proof.verdict]} ({proof.numbers} numbers in {proof.cells} cells)."
    metrics = ((_cell(row), row.name, f"{row.original:.6g}", _number(row.promoted)) for row in proof.metrics)
    others = ((_cell(each), code(each.original), code(each.promoted)) for each in proof.differences[:_MOST])
    return framed(
        bold(toned(said, _TONES[proof.verdict])),
        *([line(proof.reason)] if proof.reason else []),
        table(("cell", "", "original", "promoted"), metrics),
        line(predictions_line(proof.predictions)),
        *(line(code(example)) for example in proof.predictions.examples),
        table(("differs in cell", "original", "promoted"), others),
        table(("file that it writes", ""), ((code(file.path), file.said) for file in proof.files)),
        *(line(f"unseeded: {call}") for call in proof.unseeded if proof.verdict == "not_comparable"),
        line(f"numbers and predictions may differ by a relative {proof.tolerance:g}", "soft"),
        line(f"original {proof.original_seconds:.1f} s, promoted {proof.promoted_seconds:.1f} s", "soft"),
    )


def page(made: Promoted, proof: Verification) -> Markup:
    """What was promoted and its proof, as a page that stands alone."""
    head = Markup('<!doctype html>\n<meta charset="utf-8">\n<title>{}: {}</title>\n{}\n{}\n')
    return head.format(made.name, proof.verdict.replace("_", " "), promotion.html(made), html(proof))


def text(proof: Verification) -> Iterator[str]:
    """As on a terminal."""
    return verification_lines(proof)


def _cell(found: Difference | MetricRow) -> str:
    return f"{found.notebook}: {found.cell}" if found.notebook else str(found.cell)


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"
