"""A model's first weeks as its owner lives them: what is done, scene by scene."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from toy_project import Result, cached, edit, finish, free_port, mvops, port_of, rows, spawn, until

from mvops.errors import ServingError
from mvops.serving.client import EndpointClient

COLUMNS = ["age", "income", "region"]
DAYS = 6  # the last of them has drifted


@dataclass
class Story:
    """What each command said, by the name of the scene."""

    root: Path
    said: dict[str, Result] = field(default_factory=dict)
    answers: int = 0
    versions: list[int] = field(default_factory=list)  # that answered while traffic was moved
    failures: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)  # of the first day's predictions
    surprising: str = ""  # one that lies outside of what the model has seen

    def __getitem__(self, scene: str) -> Result:
        return self.said[scene]

    def do(self, scene: str, *arguments: object, code: int = 0) -> Result:
        self.said[scene] = mvops(self.root, *arguments).ok(code)
        return self.said[scene]

    def text_and_json(self, scene: str, *arguments: object) -> None:
        self.do(scene, *arguments)
        self.do(f"{scene} --json", *arguments, "--json").json()

    def client(self) -> EndpointClient:
        return EndpointClient(f"http://127.0.0.1:{port_of(self.root)}")

    def predict(self, frame: pd.DataFrame, when: str) -> list[str]:
        reply = self.client().predict(frame[COLUMNS].to_dict("records"), time=when)
        self.answers += len(reply.prediction_ids)
        return list(reply.prediction_ids)

    def wait_for_the_log(self, outcomes: int) -> None:
        """Until all answers, and so many outcomes, are in it."""

        def there() -> bool:
            found = mvops(self.root, "status", "--json").ok().json()["models"][0]
            return (found["predictions"], found["outcomes"]) == (self.answers, outcomes)

        until(there)


@contextmanager
def traffic(story: Story) -> Iterator[None]:
    """A request after the other, from a thread, until the end."""
    over = threading.Event()
    client, row = story.client(), rows(range(1))[COLUMNS].to_dict("records")

    def send() -> None:
        number = 0
        while not over.is_set():
            number += 1
            try:
                reply = client.predict([row[number % len(row)]], time="2024-03-20T12:00:00Z", key=str(number))
            except ServingError as error:
                story.failures.append(str(error))
            else:
                story.answers += 1
                story.versions.append(reply.model_version)
            time.sleep(0.004)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
        time.sleep(0.3)
    finally:
        over.set()
        thread.join()


def first_days(story: Story) -> None:
    """Traffic with event times, outcomes a day later, a look at each day."""
    for day in range(DAYS):
        frame = rows(range(100 + day, 104 + day), seed=day)
        if day == DAYS - 1:
            frame["age"] += 30
        when = datetime(2024, 3, 1, tzinfo=UTC) + timedelta(days=day)
        ids = story.predict(frame, f"{when:%Y-%m-%d}T10:00:00Z")
        story.ids = story.ids or ids
        story.surprising = ids[int(frame["age"].argmax())]
        known = [{"prediction_id": i, "outcome": int(y)} for i, y in zip(ids, frame["y"], strict=True)]
        story.client().outcomes([(k["prediction_id"], k["outcome"]) for k in known])
        story.wait_for_the_log(outcomes=400 * (day + 1))
        end = when + timedelta(days=1)
        story.do(f"monitor day {day}", "monitor", "toy", "--until", f"{end:%Y-%m-%d}")

    story.text_and_json("status with alerts", "status")
    told = ("monitor", "toy", "--until", "2024-03-07")
    story.do("monitor retrain", *told, "--retrain")
    story.do("monitor --json", *told, "--json")
    spec = story.root / "configs/models/toy.yaml"
    text = spec.read_text()
    spec.write_text(text.replace("cooldown: 1s", "cooldown: 30d"))
    story.do("monitor that has to wait", *told, "--retrain")
    spec.write_text(text)
    stricter = ("models.toy.monitor.effect=90", "models.toy.gate=['roc_auc >= 0.999']")
    story.do("plan with new thresholds", "plan", *stricter, "--json")
    story.do("plan with a finer monitor", "plan", "models.toy.monitor.effect=0.001")


def new_data(story: Story) -> None:
    """The data grows; a challenger takes over under traffic, and the old one comes back."""
    data = story.root / "data/d.csv"
    pd.concat([pd.read_csv(data), rows(range(60, 70), seed=1)]).to_csv(data, index=False)
    story.do("plan with new data", "plan", "--detailed-exitcode", code=2)
    story.do("dry run", "retrain", "toy", "--dry-run")
    with traffic(story):
        story.do("retrain", "monitor", "toy", "--until", "2024-03-07", "--retrain")
        story.do("rollout followed", "rollout", "status", "toy", "--follow")
        story.do("plan after retrain", "plan", "--detailed-exitcode")
        story.text_and_json("versions list", "versions", "list", "toy")
        until(lambda: story.versions[-1] == 2)
        story.do("monitor version 2", "monitor", "--until", "2024-03-07")
        story.do("rollback", "rollback", "toy")
        until(lambda: story.versions[-1] == 1)
    story.do("plan after rollback", "plan", "--detailed-exitcode")
    story.do("retrain nothing new", "retrain", "toy")


def second_challenger(story: Story) -> None:
    """One that is aborted on its way."""
    with traffic(story):
        story.do("retrain no wait", "retrain", "toy", "--force", "--no-wait", "--json")
        story.text_and_json("rollout status", "rollout", "status", "toy")
        story.do("status while rolling", "status")
        story.do("versions while rolling", "versions", "list", "toy", "--json")
        until(lambda: 3 in story.versions)
        story.do("rollout abort", "rollout", "abort", "toy", "--reason", "second thoughts")
    story.text_and_json("rollout status at rest", "rollout", "status", "toy")


def looking_back(story: Story) -> None:
    """Status, history, explanations, exports, imports."""
    story.wait_for_the_log(outcomes=400 * DAYS)
    story.text_and_json("status", "status")
    story.text_and_json("history", "history")
    story.do("history of two", "history", "toy", "--limit", "2")
    story.text_and_json("explain", "explain", story.ids[0])
    story.do("explain surprise", "explain", story.surprising)
    story.text_and_json("versions show", "versions", "show", "toy", "2")
    story.text_and_json("versions compare", "versions", "compare", "toy", "1", "2")
    story.do("export csv", "predictions", "export", "toy", "--output", "p.csv")
    story.do("export jsonl", "predictions", "export", "toy", "--output", "p.jsonl", "--json")
    story.do(
        "export a day", "predictions", "export", "toy", "-o", "d.csv", "--since", "2024-03-02", "--until", "2024-03-03"
    )
    last = json.loads((story.root / "p.jsonl").read_text().splitlines()[-1])["prediction_id"]
    (story.root / "o.csv").write_text(f"prediction_id,outcome\n{last},1\nnobody,0\n")
    story.text_and_json("outcomes import", "outcomes", "import", "toy", "o.csv")
    story.do("alerts test", "alerts", "test", "toy", "--json", code=1)
    story.text_and_json("maturity", "maturity")
    story.do("versions promote", "versions", "promote", "toy", "3", "--reason", "we know better")
    story.do("an older one", "versions", "promote", "toy", "2", "--reason", "it knew better")
    story.do("undone", "rollback", "toy")
    story.do("undone once more", "rollback", "toy")


def tell(applied: Path, root: Path) -> Story:
    """The whole story, in `root`."""
    cached(applied, root)
    edit(root / "configs/project.yaml", f"port: {port_of(root)}", f"port: {free_port()}")
    with (root / "configs/project.yaml").open("a") as file:
        file.write('notifiers: {hook: {backend: apprise, options: {url: "http://127.0.0.1:9/secret"}}}\n')
    edit(root / "configs/models/toy.yaml", "alerts: [ops]", "alerts: [ops, hook]")
    story = Story(root)
    story.do("first plan", "plan", "--detailed-exitcode", code=2)
    story.do("apply", "apply", "--yes")
    story.do("second plan", "plan", "--detailed-exitcode")
    story.text_and_json("status before serving", "status")
    story.text_and_json("maturity before serving", "maturity")
    process = spawn(root, "serve", "toy")
    try:
        story.client().ready(timeout=180)
        first_days(story)
        new_data(story)
        second_challenger(story)
        looking_back(story)
    finally:
        process.terminate()
        story.said["serve"] = finish(process)
    story.do("destroy", "destroy", "--yes")
    story.do("plan after destroy", "plan", "--detailed-exitcode", code=2)
    return story
