"""What promotion found, in a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from mvops.show.html.parts import bold, code, framed, line, table
from mvops.show.promotion import promotion_lines
from mvops.usecases.promote import Promoted


def html(made: Promoted) -> Markup:
    """The files, the steps, the inputs, parameters and outputs, and what is to be known."""
    found, pipeline = made.found, made.found.config["pipeline"]
    knobs = [parameter for parameter in found.parameters if parameter.role == "knob"]
    originals = ", ".join(path.name for path in made.originals)
    return framed(
        bold(Markup("Promoted {} as the model {}").format(originals, code(made.name))),
        *(
            line(Markup("{} runs from top to bottom in Jupyter; its tags are yours to change").format(code(notebook)))
            for notebook in made.notebooks
        ),
        line(code(made.config)),
        line(f"steps: {', '.join(found.steps)}"),
        table(("input", ""), ((code(name), code(path)) for name, path in pipeline.get("inputs", {}).items())),
        table(
            ("parameter", "", "from"),
            ((code(each.name), code(repr(each.default)), f"{each.place}: {each.used_by}") for each in knobs),
        ),
        table(("output", ""), ((role, code(variable)) for role, variable in pipeline["outputs"].items())),
        *(line(f"note: {note}", "soft") for note in found.notes),
        *(line(f"MISSING {key}: write it into {made.config}", "bad") for key in found.missing),
    )


def text(made: Promoted) -> Iterator[str]:
    """As on a terminal."""
    return promotion_lines(made)
