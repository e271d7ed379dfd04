"""What mvops has on record of the project: state list, show, forget, mv, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mvops.cli.session import JsonFlag, YesFlag, answer, confirm, print_json, say
from mvops.cli.session import project as open_project

state = typer.Typer(
    name="state", no_args_is_help=True, help="What mvops has on record: list, show, forget, mv, restore."
)
AddressName = Annotated[str, typer.Argument(metavar="ADDRESS", help="A resource, such as endpoint.churn.")]


@state.command("list")
def list_(json_: JsonFlag = False) -> None:
    """Every resource on record."""
    from mvops.show.state import record_line, waiting_line
    from mvops.usecases.state import not_applied, records

    with open_project() as workspace:
        found, waiting = records(workspace), not_applied(workspace)
    if json_:
        listed = [{"address": record.address, "outputs": record.outputs} for record in found]
        print_json({"resources": listed, "not_applied": waiting})
        return
    for record in found:
        answer(record_line(record))
    if not found:
        say("Nothing is on record yet: mvops apply")
    elif waiting:
        say(waiting_line(waiting))


@state.command()
def show(address: AddressName, json_: JsonFlag = False) -> None:
    """What was made of one resource, field by field."""
    from mvops.show.state import applied_json, record_lines
    from mvops.usecases.state import last_apply, record_of

    with open_project() as workspace:
        found = record_of(workspace, address)
        last = last_apply(workspace, address)
    if json_:
        print_json(found.model_dump(mode="json") | {"applied": applied_json(last)})
        return
    for line in record_lines(found, last):
        answer(line)


@state.command()
def forget(
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS...", help="Resources, such as endpoint.churn.")],
    yes: YesFlag = False,
) -> None:
    """Stop managing resources; what they are in the world stays as it is."""
    from mvops.usecases.state import forget as drop
    from mvops.usecases.state import record_of

    with open_project() as workspace:
        for address in addresses:
            record_of(workspace, address)
        confirm(f"Forget {', '.join(addresses)}? Nothing is deleted.", yes=yes)
        still_wanted = drop(workspace, addresses)
    say(f"Forgotten: {', '.join(addresses)}. What they are in the world stays.")
    if still_wanted:
        say(f"note: the YAML still wants {', '.join(still_wanted)}: the next apply takes that up again, with what you")
        say("    edited in its files, and makes a new version of a model that is forgotten with its pipeline. To have")
        say("    it stay as it is: take it out of there")


@state.command()
def mv(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model, such as model.churn, or churn.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is to be called.")],
    yes: YesFlag = False,
) -> None:
    """Rename a model with its versions, runs, predictions, alerts and history, and its YAML file."""
    from mvops.core.counts import counted
    from mvops.show.state import elsewhere_lines
    from mvops.usecases.renaming import check_rename, named_model, rename

    with open_project() as workspace:
        model, name = named_model(workspace, model), name.removeprefix("model.")
        check_rename(workspace, model, name)
        confirm(f"Rename model.{model} to model.{name}?", yes=yes)
        renamed = rename(workspace, model, name)
        listed = bool(workspace.project.moved)
    known = f"{counted(renamed.versions, 'version')}, {counted(renamed.predictions, 'prediction')}"
    say(f"model.{model} is model.{name} now: {known}; see: mvops plan")
    say(f"Its YAML: {', '.join(renamed.files)}." if renamed.files else f"No YAML of the project names {model}.")
    for place in renamed.left:
        say(f"note: {place.file}:{place.line} still says {model}: write {name}")
    for line in elsewhere_lines(model, name, renamed.others, renamed.unseen, listed=listed):
        say(line)


@state.command()
def restore(
    copy: Annotated[
        Path | None, typer.Argument(metavar="[COPY]", help="This copy of the registry, instead of the newest.")
    ] = None,
    yes: YesFlag = False,
) -> None:
    """Put the registry's last good copy in its place; what is there now is moved aside."""
    from mvops.cli.session import SESSION
    from mvops.usecases.recovery import find_copy
    from mvops.usecases.recovery import restore as put_back

    found = find_copy(SESSION.directory, SESSION.environment, copy)
    whole = " The registry that is there now can be read." if found.is_whole else ""
    confirm(f"Put {found.path.name}, made {found.made:%Y-%m-%d %H:%M} UTC, in its place?{whole}", yes=yes)
    aside = put_back(found)
    say(f"{found.registry.name} is what it was {found.made:%Y-%m-%d %H:%M} UTC, from {found.path.name}.")
    for path in aside:
        if path.parent in found.strange:
            say(f"{path.parent.name} was served by versions that it does not know: they are in {path} now.")
        else:
            say(f"What was there is {path.name} now.")
    say("What differs since: mvops plan")


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    app.add_typer(state)
