"""A plan on each pull request as GitHub Actions: a comment for the reviewers, and the same plan applied on merge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mvops import __version__
from mvops.contracts.ci_systems import Review
from mvops.contracts.schedulers import DATA, IGNORED
from mvops.core.environment import wording
from mvops.rendering import render_folder


class GithubActions:
    """Generates `.github/workflows/mvops_plan.yml` and `mvops_apply.yml`; `mvops-staging_plan.yml` in `staging`."""

    def folder(self) -> str:
        """The one folder that GitHub reads."""
        return ".github/workflows"

    def files(self, review: Review) -> Mapping[str, str]:
        """One workflow for the pull request, one for its merge."""
        words = wording(review.environment)
        context = {"review": review, "machine": review.machine, "mvops": __version__}
        made = render_folder("ci_systems/github_actions", words | context)
        return {f"mvops{words['ending']}_{path}": text for path, text in made.items()}

    def limits(self, review: Review) -> Iterator[str]:
        """What GitHub asks for, and what is not there on an empty machine."""
        machine = review.machine
        yield f"takes effect once the workflows are committed and pushed to {review.branch}"
        yield "plans no pull request from a fork: GitHub gives those no secrets"
        yield "tells of each endpoint that its route is absent, as that is on the machine that serves"
        yield (
            "commits what apply generates: where the branch is protected, or workflows are among it, it needs a "
            "token of yours as the secret MVOPS_TOKEN"
        )
        if review.approval:
            yield f"asks for an approval where the environment {review.approval} has required reviewers"
        if review.signed:
            yield (
                "signs each plan with the private key in the secret MVOPS_PLAN_KEY: make one without a passphrase "
                "for it (ssh-keygen -t ed25519), and write its public key into the file of signers"
            )
        if keys := " and ".join(key for key in machine.kept if key not in {DATA, IGNORED}):
            yield f"starts on an empty machine, and {keys} are files here: name what it can reach"
        if DATA in machine.kept:
            yield "starts on an empty machine, and DVC keeps the data here: dvc remote add -d NAME s3://BUCKET"
        if IGNORED in machine.kept:
            yield "starts on an empty machine, without the data, which Git ignores: commit them, or have DVC bring them"
        if not machine.requirements:
            yield "installs mvops alone, as there is no requirements.txt: write what the notebooks import into one"
        if machine.folder:
            yield f"reads workflows at the repository's root only, and this project is in {machine.folder}: move them"
