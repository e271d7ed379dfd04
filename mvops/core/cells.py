"""The nine presets as a table: the size of the team by the phase it is in."""

from __future__ import annotations

TEAMS = ("small", "medium", "large")
PHASES = ("day_30", "day_60", "day_90")


def following(preset: str) -> str | None:
    """The cell to grow into: the next phase, then the last phase of the next larger team; None at the end.

    A larger team starts in its last phase, as its first would switch off what already works. A preset of the user's
    own is no cell and has none that follows.
    """
    team, _, phase = preset.partition("/")
    if team not in TEAMS or phase not in PHASES:
        return None
    if phase != PHASES[-1]:
        return f"{team}/{PHASES[PHASES.index(phase) + 1]}"
    return None if team == TEAMS[-1] else f"{TEAMS[TEAMS.index(team) + 1]}/{PHASES[-1]}"


# What each capability is, and why it comes when it does, in the order that works.
WORDS: dict[str, tuple[str, str]] = {
    "monitoring": ("every prediction is logged, drift is judged", "nothing can be improved that is not seen"),
    "versioning": (
        "every version keeps its data's digest, code and numbers",
        "going back needs something to go back to",
    ),
    "serving": ("an HTTP endpoint with health checks", "predictions are logged where they are made"),
    "dashboards": ("every model on a dashboard", "many models are watched at a glance, or not at all"),
    "data_versioning": ("old data can be had again", "a version can be made again only on its own data"),
    "load_testing": ("endpoints are tested under load", "a model that is relied upon must bear it"),
    "retraining": ("challengers by the clock and on alerts", "a model is trained unattended only once it is watched"),
    "orchestration": ("models run in the right order", "order matters once several models are retrained"),
    "feature_store": ("features that models share", "sharing pays once several models are retrained"),
    "tracking": ("every run and version is told to a tracker", "comparing experiments pays once they are many"),
    "canary": ("traffic in steps, with a way back", "a challenger needs outcomes to be judged by"),
    "governance": ("no version serves past its gate", "rules are written once the gates have proved right"),
}
