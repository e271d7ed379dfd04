"""What is on record, protected, forgotten, renamed."""

from __future__ import annotations

from pathlib import Path

from toy_project import copy, edit, finish, free_port, logged, mvops, port_of, query, snapshot, spawn, until

from mvops.serving.client import EndpointClient

MODEL = "configs/models/toy.yaml"
ROW = {"age": 40.0, "income": 30000.0, "region": "a"}


def test_what_is_on_record_is_listed_and_shown(project: Path) -> None:
    listed = mvops(project, "state", "list", "--json").ok().json()["resources"]
    addresses = [resource["address"] for resource in listed]
    assert {"dataset.data", "pipeline.toy", "model.toy", "endpoint.toy", "monitor.toy", "schedule.toy"} == set(
        addresses
    )
    shown = mvops(project, "state", "list").ok().out
    assert "version 1" in shown
    assert "to_commit" not in shown + mvops(project, "state", "show", "dataset.data").ok().out, (
        "there is nothing to commit"
    )
    shown = mvops(project, "state", "show", "monitor.toy").ok().out
    assert '"every": "1d"' in shown
    mvops(project, "state", "show", "monitor.tyo").refused("not on record", "did you mean 'monitor.toy'?")
    mvops(project, "state", "forget", "toy", "--yes").refused("toy is not on record; did you mean 'model.toy'?")


def test_p30_what_is_forgotten_stays_in_the_world(project: Path) -> None:
    before = {path: digest for path, digest in snapshot(project).items() if path.startswith("deploy/")}
    edit(project / MODEL, "monitor:", "endpoint: null\nmonitor:")
    mvops(project, "state", "forget", "endpoint.toy", "endpoint.tyo", "--yes").refused("endpoint.tyo is not on record")
    mvops(project, "state", "forget", "endpoint.toy").refused("nobody to ask", "--yes")
    said = mvops(project, "state", "forget", "endpoint.toy", "--yes").ok().out
    assert "note:" not in said
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    assert before.items() <= snapshot(project).items()
    edit(project / MODEL, "endpoint: null\n", "")
    mvops(project, "state", "forget", "schedule.toy", "--yes").ok()
    planned = mvops(project, "plan").ok().out
    assert "= endpoint.toy  adopt: already so" in planned
    assert "= schedule.toy  adopt: already so" in planned
    mvops(project, "apply", "--yes").ok()
    assert before.items() <= snapshot(project).items()
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    again = mvops(project, "state", "forget", "monitor.toy", "model.toy", "--yes").ok().out
    assert "the YAML still wants monitor.toy" in again
    shown = mvops(project, "plan").ok().out
    assert "+ monitor.toy   create: forgotten before, and taken up again\n" in shown
    assert "+ model.toy     create: forgotten before, and taken up again\n" in shown
    assert "version 1, of the run on record, is taken up again and judged: nothing is trained" in shown
    assert "create model.toy: version 1, gate passed, champion" in mvops(project, "apply", "--yes").ok().out
    assert query(project, "SELECT count(*) FROM mvops_versions") == [(1,)]
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_p31_a_protected_model_is_not_destroyed(project: Path) -> None:
    edit(project / MODEL, "monitor:", "prevent_destroy: true\nmonitor:")
    shown = mvops(project, "plan").ok().out
    assert "metadata only: nothing is trained" in shown
    mvops(project, "destroy", "--yes").refused("prevent_destroy of toy protects it")  # what is written holds at once
    mvops(project, "apply", "--yes").ok()
    before = snapshot(project)
    refused = mvops(project, "destroy", "--yes").refused(
        "model.toy: everything is taken away, but prevent_destroy of toy protects it", "--exclude"
    )
    assert "x endpoint.toy" in refused.out
    (project / MODEL).rename(project / "toy.yaml")
    mvops(project, "apply", "--yes").refused("no longer in the spec, but prevent_destroy of toy protects it")
    (project / "toy.yaml").rename(project / MODEL)
    assert snapshot(project) == before
    edit(project / MODEL, "prevent_destroy: true", "prevent_destroy: false")
    mvops(project, "apply", "--yes").ok()
    mvops(project, "destroy", "--yes").ok()


def test_p30_a_model_is_renamed_with_all_that_is_known_of_it(project: Path) -> None:
    logged(project)
    runs = mvops(project, "runs", "list", "toy", "--json").ok().json()["runs"]
    said = mvops(project, "state", "mv", "toy", "plaything", "--yes").ok().out
    assert "model.toy is model.plaything now: 1 version, 3 predictions" in said
    assert "note:" not in said
    assert "configs/models/plaything.yaml" in said
    planned = {a["address"]: a["verb"] for a in mvops(project, "plan", "--json").ok().json()["actions"]}
    assert (planned["pipeline.plaything"], planned["model.plaything"]) == ("keep", "keep")
    assert not [address for address in planned if address.endswith(".toy")]
    mvops(project, "apply", "--yes").ok()
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    assert sorted(p.name for p in (project / "deploy/serving").iterdir()) == ["plaything"]
    assert query(project, "SELECT count(*) FROM mvops_versions") == [(1,)]
    assert mvops(project, "runs", "list", "plaything", "--json").ok().json()["runs"][0]["id"] == runs[0]["id"]
    (version,) = mvops(project, "versions", "list", "plaything", "--json").ok().json()["versions"]
    assert version["role"] == "champion"
    assert mvops(project, "explain", "1", "--json").ok().json()["prediction"]["model"] == "plaything"
    process = spawn(project, "serve", "plaything")
    try:
        client = EndpointClient(f"http://127.0.0.1:{port_of(project)}")
        client.ready(timeout=120)
        assert client.predict([ROW]).model_version == 1
        (project / "configs/models/plaything.yaml").rename(project / MODEL)
        with (project / "configs/project.yaml").open("a") as file:
            file.write("\nmoved:\n  - {from: model.plaything, to: model.toy}\n")
        mvops(project, "apply", "--yes").ok()
        mvops(project, "plan", "--detailed-exitcode").ok(0)
        assert client.predict([ROW]).model_version == 1
        assert mvops(project, "status", "--json").ok().json()["models"][0]["endpoint"]["status"] == "up"
        until(lambda: client.ready()["route"]["trouble"] is None)
        here, there = port_of(project), free_port()
        edit(project / "configs/project.yaml", str(here), str(there))
        goes = f"endpoint     up, {client.url}, the YAML says http://127.0.0.1:{there}: "
        again = "mvops apply, then stop this one and: mvops serve toy\n"
        assert f"{goes}{again}" in mvops(project, "status").ok().out
        mvops(project, "apply", "--yes").ok()
        assert f"{goes}mvops serve toy, once this one is stopped\n" in mvops(project, "status").ok().out
        found = mvops(project, "status", "--json").ok().json()["models"][0]["endpoint"]
        assert found == {"status": "up", "url": client.url, "wanted_url": f"http://127.0.0.1:{there}"}
        edit(project / "configs/project.yaml", str(there), str(here))
        mvops(project, "apply", "--yes").ok()
        assert f"endpoint     up, {client.url}\n" in mvops(project, "status").ok().out
        clone = copy(project, project.parent / "clone")
        another = f"port {port_of(project)} is answered by another project ({project})"
        assert f"endpoint     down, {another}: mvops serve toy --port N\n" in mvops(clone, "status").ok().out
        mvops(clone, "loadtest", "toy").refused(another, "mvops serve toy --port N")
        goes_on = "its endpoint is running: it goes on with what it has loaded until you stop it"
        assert goes_on in mvops(project, "plan", "--destroy").ok().out
        told = mvops(project, "destroy", "--yes").ok().out
        assert "delete model.toy; its endpoint goes on with what it has loaded: stop it" in told
        assert client.predict([ROW]).model_version == 1
        up = f"up, {client.url}, still answers with what it had loaded: stop it where it was started"
        assert f"endpoint     {up}\n" in mvops(project, "status").ok().out
    finally:
        process.terminate()
        finish(process)
    assert mvops(project, "status", "--json").ok().json()["models"][0]["predictions"] == 6
    assert "destroy: applied plan" in mvops(project, "history").ok().out


def test_a_name_that_is_none_or_taken_is_refused(project: Path) -> None:
    before = snapshot(project)
    mvops(project, "state", "mv", "toy", "Toy!", "--yes").refused("'Toy!' is not a name")
    mvops(project, "state", "mv", "toy", "toy", "--yes").refused("has a model toy already")
    mvops(project, "state", "mv", "tyo", "toys").refused("no model 'tyo'")  # before anybody is asked
    mvops(project, "state", "mv", "model.tyo", "toys").refused("there is no model.tyo; did you mean 'model.toy'?")
    mvops(project, "state", "mv", "modle.toy", "toys").refused("there is no modle.toy; did you mean 'model.toy'?")
    mvops(project, "state", "mv", "endpoint.toy", "toys").refused("it goes with its model", "state mv model.toy NAME")
    mvops(project, "state", "mv", "toy", "endpoint.toys", "--yes").refused("'endpoint.toys' is not a name")
    assert snapshot(project) == before


def test_p30_p35_what_is_forgotten_with_edits_is_taken_up_again_with_them(project: Path) -> None:
    """Once a conflict with the very files that were forgotten, which only moving them away could end."""
    dockerfile = project / "deploy/serving/toy/Dockerfile"
    edit(dockerfile, "RUN pip", "RUN apt-get install --yes libgomp1\nRUN pip")
    mine = dockerfile.read_text()
    said = mvops(project, "state", "forget", "endpoint.toy", "--yes").ok().out
    assert "still wants endpoint.toy: the next apply takes that up again, with what you\n    edited in its" in said
    changed = copy(project, project.parent / "changed")
    planned = mvops(project, "plan").ok().out
    assert "= endpoint.toy  adopt: already so, but for what you edited" in planned
    assert "Dockerfile was edited by hand and stays" in planned
    mvops(project, "apply", "--yes").ok()
    assert dockerfile.read_text() == mine
    assert "Dockerfile was edited by hand and stays" in mvops(project, "plan", "--detailed-exitcode").ok(0).out

    before, after = port_of(changed), port_of(changed) + 1
    edit(changed / "configs/project.yaml", f"port: {before}", f"port: {after}")
    planned = mvops(changed, "plan").ok().out
    assert "~ endpoint.toy  update: forgotten before, and taken up again\n" in planned, (
        "it is there: nothing is created"
    )
    assert "Dockerfile is merged, +3 -3: your edits of line" in planned
    mvops(changed, "apply", "--yes", "--exclude", "endpoint.toy").ok()
    mvops(changed, "apply", "--yes").ok()
    assert (changed / "deploy/serving/toy/Dockerfile").read_text() == mine.replace(str(before), str(after))
    mvops(changed, "plan", "--detailed-exitcode").ok(0)
