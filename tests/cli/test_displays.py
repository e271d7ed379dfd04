"""What a notebook shows of our objects: readable, alone, and with nothing of what users wrote as HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mvops.core.action import Action, Change, Verb
from mvops.core.address import Address
from mvops.core.alert import Alert
from mvops.core.apply import Done
from mvops.core.code_change import CodeChange
from mvops.core.file_change import FileChange
from mvops.core.plan import make_plan
from mvops.core.policies import Objection
from mvops.core.run import Run, StepRun
from mvops.core.signature import Signature
from mvops.core.version import Artifact, CodeState, Environment, Version
from mvops.errors import NotebookError
from mvops.monitoring.performance import Measured
from mvops.monitoring.verdict import Finding, Verdict
from mvops.notebook.matching import Difference, MetricRow
from mvops.notebook.predicted import Predictions
from mvops.notebook.verify import Verification
from mvops.notebook.written import WrittenFile
from mvops.show.displays import bundle
from mvops.show.lists import Applied, Runs, Versions
from mvops.usecases.monitor import Report, Window
from mvops.usecases.runs import RunLine
from mvops.usecases.status import ModelStatus, Status
from mvops.usecases.versions import Comparison

EVIL = "<script>alert('\"&')</script>"
NOW = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)


def action(**changes: Any) -> Action:
    made = {
        "verb": Verb.UPDATE,
        "address": Address("pipeline.toy"),
        "reason": "changed",
        "because": f"changed {EVIL}",
        "before": {"a": 1},
        "after": {"a": 2},
        "changes": (Change(field="parameters.C", before=EVIL, after=2),),
        "details": (f"train  because {EVIL}",),
        "code": (
            CodeChange(path="p.ipynb", verb="change", cell=3, step="train", diff=f"--- a\n+++ b\n-C = 1\n+{EVIL}"),
        ),
        "files": (FileChange(path=f"{EVIL}.py", verb="replace", because=EVIL, diff=f"@@ 1 @@\n+{EVIL}"),),
    }
    return Action(**(made | changes))


def plan(*actions: Action) -> Any:
    made = make_plan(actions, project="p", preset="small/day_90", lineage="x", made_on=1, notices=[EVIL], seconds=41)
    return made.model_copy(update={"objections": (Objection(policy=EVIL, level="fail", sentence=EVIL, subject="toy"),)})


RUN = Run(
    id="20261102-1",
    model="toy",
    reason=EVIL,
    status="failed",
    started=NOW,
    finished=NOW + timedelta(seconds=3),
    parameters={"path": EVIL},
    steps=(StepRun(step="train", key="k", status="failed", seconds=2.5, notebook="n", error=EVIL),),
    metrics={EVIL: 0.5},
    error=f"NotebookError: {EVIL}",
)
ALERT = Alert(
    id=1,
    model="toy",
    version=2,
    kind="drift",
    key=f"drift:{EVIL}",
    status="open",
    severity="critical",
    opened=NOW,
    last_seen=NOW,
    windows=2,
    reason=EVIL,
)


def finding(feature: str, *, significant: bool = True, material: bool = True, effect: float = 1.5) -> Finding:
    return Finding(
        feature=feature,
        kind="drift",
        statistic="shift",
        value=3.2,
        threshold=2.5,
        effect=effect,
        p=0.001,
        psi=0.31,
        significant=significant,
        material=material,
        importance=None,
        sentence=EVIL,
    )


FINDINGS = (
    finding("quiet", significant=False, material=False),
    finding("small", material=False),
    finding("unsure", significant=False),
    finding(EVIL),
    finding("mild", effect=0.4),
)
VERDICT = Verdict(start=NOW, end=NOW + timedelta(days=1), rows=200, status="judged", findings=FINDINGS)
REPORT = Report("toy", 200, 3, (Window(2, VERDICT, "roc_auc", Measured(0.7, 0.1), 3),), (ALERT,), (), (ALERT,), (EVIL,))
SIGNATURE = Signature(columns=(), task="regression")


def version(number: int, **metrics: float) -> Version:
    return Version(
        model="toy",
        number=number,
        created=NOW,
        reason=EVIL,
        run="r",
        artifact=Artifact(sha256="0" * 64, format="skops", size=1),
        signature=SIGNATURE,
        baseline=None,
        held_out=None,
        data={},
        code=CodeState(commit=None, dirty=False, notebook="p.ipynb", cells={}),
        environment=Environment(python="3.11", platform="linux", packages={}),
        parameters={},
        metrics=metrics,
        fingerprint="f",
    )


DIFFERENCES = {
    "metrics.roc_auc": (0.71, 0.75),
    "metrics.log_loss": (0.5, 0.6),
    "parameters.path": (EVIL, None),
    "data.flights": ("a" * 64, "b" * 64),
}
MODEL = ModelStatus("toy", version(2, roc_auc=0.7), 2, None, "down", EVIL, 9, 1, NOW, 4, (ALERT,))
DONE = Done(action(), "done", {}, left={"a": EVIL})
PROOF = Verification(
    verdict="not_comparable",
    reason=EVIL,
    differences=(Difference(3, EVIL, EVIL, EVIL),),
    metrics=(MetricRow(3, EVIL, 0.5, None, equal=False),),
    predictions=Predictions(9, 1, (EVIL,), stable=False),
    files=(WrittenFile(EVIL, "different"),),
    tolerance=1e-9,
    unseeded=(EVIL,),
    cells=4,
    numbers=9,
    original_seconds=1.0,
    promoted_seconds=2.0,
)
KEPT = action(verb=Verb.KEEP, address=Address("model.toy"), changes=(), code=(), files=())
SHOWN: dict[str, Any] = {
    "plan": plan(action(), KEPT),
    "run": RUN,
    "runs": Runs("toy", [RunLine(RUN, 2)]),
    "applied": Applied([Done(action(), "failed", {}, NotebookError(EVIL)), DONE]),
    "report": REPORT,
    "comparison": Comparison(version(1), version(2), DIFFERENCES),
    "status": Status(EVIL, "small/day_90", (MODEL,)),
    "verification": PROOF,
}


class Page(HTMLParser):
    """What a browser makes of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self.tags[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.mark.parametrize("name", SHOWN)
def test_what_users_wrote_is_text(name: str) -> None:
    made = bundle(SHOWN[name])
    assert made is not None
    page = Page(made["text/html"])
    assert set(page.tags) <= {
        *("div", "style", "table", "thead", "tbody", "tr", "th", "td", "p", "b", "h4", "code", "pre", "span", "br"),
        *("details", "summary"),
    }
    assert {name for name, _ in page.attributes} <= {"class", "style", "open"}
    assert EVIL in page.text
    assert EVIL in made["text/plain"] or name == "status"
    assert not any(word in made["text/html"] for word in ("url(", "@import", "http://", "https://"))


def test_a_plan_in_markdown_has_no_tag_of_a_users() -> None:
    made = bundle(SHOWN["plan"])
    assert made is not None
    outside = "".join(made["text/markdown"].split("```")[::2])
    assert "<script" not in outside


def test_a_plan_says_what_and_why() -> None:
    page = Page((bundle(SHOWN["plan"]) or {})["text/html"])
    for said in ("~", "pipeline.toy", "update", "p.ipynb, cell 3 (train)", "+1 -1", "-C = 1", "1 resource unchanged"):
        assert said in page.text
    assert "1 to update, 1 unchanged. About 41 s." in page.text
    assert page.text.index("refused by policy") < page.text.index("Plan: 1 to update")


def test_a_report_has_a_row_for_each_feature_with_its_verdict() -> None:
    page = Page((bundle(REPORT) or {})["text/html"])
    assert "2026-11-02 08:30" in page.text
    assert "roc_auc 0.700 on 3" in page.text
    verdicts = ("critical", "warning", "quiet", "certain, but small", "large, but not certain")
    assert [verdict for verdict in verdicts if verdict not in page.text] == []
    assert page.text.index("mild") < page.text.index("quiet")  # alarms first
    assert "NOT DELIVERED" in page.text


def test_a_comparison_says_which_way_a_metric_went() -> None:
    page = Page((bundle(SHOWN["comparison"]) or {})["text/html"])
    assert "+0.0400 better" in page.text
    assert "+0.1000 worse" in page.text
    assert "aaaaaaaaaaaaaaaa…" in page.text
    same = bundle(Comparison(version(1), version(2), {})) or {}
    assert "made of the same things" in same["text/html"]


def test_lists_may_be_empty_and_other_objects_are_left_alone() -> None:
    for nothing, said in (
        (Versions("toy", []), "toy has no version yet"),
        (Runs("toy", []), "0 runs"),
        (Applied(), "Nothing was to be done"),
        (Status("p", "small/day_30", ()), "no models yet"),
        (plan(), "Nothing to do"),
    ):
        assert said in (bundle(nothing) or {})["text/html"]
    assert bundle({"a": Path()}) is None


def test_a_window_whose_outcomes_came_later_is_not_shown_as_without_drift() -> None:
    (window,) = REPORT.windows
    assert window.verdict.alarms
    calm = replace(window, verdict=window.verdict.model_copy(update={"findings": ()}), before=window.verdict)
    made = bundle(replace(REPORT, windows=(calm,)))
    assert made is not None
    assert re.search(r"drifting: [^<]+ \(known\)", made["text/html"])
    assert "no drift" not in made["text/html"]
