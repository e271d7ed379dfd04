"""Run in namespaces of its own (unshare): starts an endpoint as generated manifests do, and asks it.

    confinement.py PROJECT FOLDER NEEDED...

No network but the loopback, no file that can be written but the project's `.mvops` and a temporary folder, and a user
who is not root and has no capability. It is killed after an answer and started again; what it said is printed as JSON.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

USER = "10001"
STATE, HERE, TEMPORARY = ".mvops", Path("/mnt"), Path("/srv")


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def open_up(needed: list[Path]) -> None:
    """Show what is in folders that only root may enter, such as an interpreter below /root, to others too."""
    closed = {folder for path in needed for folder in path.parents if not folder.stat().st_mode & 1}
    shown = [path for path in needed if closed & set(path.parents)]
    kept = [Path(f"/media/{number}") for number in range(len(shown))]
    if shown:
        mount("-t", "tmpfs", "tmpfs", "/media")
    for place, path in zip(kept, shown, strict=True):
        place.mkdir()
        mount("--bind", path, place)
    for folder in closed:
        if not closed & set(folder.parents):
            mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    for place, path in zip(kept, shown, strict=True):
        path.mkdir(parents=True, exist_ok=True)
        mount("--bind", place, path)


def confine(project: Path, needed: list[Path]) -> None:
    mount("--make-rprivate", "/")
    mount("--bind", project, HERE)
    mount("-o", "remount,bind,ro", HERE)
    mount("--bind", project / STATE, HERE / STATE)
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", TEMPORARY)
    open_up(needed)
    mount("-o", "remount,bind,ro", "/")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def start(folder: Path) -> tuple["subprocess.Popen[str]", str]:
    """The endpoint, and where it is."""
    user = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
    process = subprocess.Popen(
        [*user, sys.executable, "app.py", "--port", "0"],
        cwd=HERE / folder,
        env=os.environ | {"HOME": str(TEMPORARY), "TMPDIR": str(TEMPORARY), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().strip()


def ask(url: str, body: object = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def writable() -> list[str]:
    """Folders where root itself cannot be kept from writing."""
    found = []
    for folder in ("/", "/etc", "/usr", str(HERE)):
        with contextlib.suppress(OSError):
            (Path(folder) / "written").touch()
            found.append(folder)
    return found


def main() -> None:
    project, folder, *needed = map(Path, sys.argv[1:])
    confine(project, needed)
    rows = json.loads(os.environ["ROWS"])
    process, url = start(folder)
    said = {"writable": writable(), "status": Path(f"/proc/{process.pid}/status").read_text()}
    said["first"] = ask(f"{url}/predict", {"rows": rows})
    process.send_signal(signal.SIGKILL)
    process.wait()
    process, url = start(folder)
    said["second"] = ask(f"{url}/predict", {"rows": rows})
    said["ready"] = ask(f"{url}/health/ready")["ready"]
    process.terminate()
    said["ended"] = process.wait(60)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
