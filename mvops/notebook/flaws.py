"""Everything in which a job and its notebooks do not agree, where a run would stop at the first of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from mvops.errors import NotebookError
from mvops.notebook.document import read_documents
from mvops.notebook.injection import check_parameter, checked_parameters, declared_parameters
from mvops.notebook.keys import kernel_of
from mvops.notebook.results import PipelineJob
from mvops.notebook.slices import slice_notebooks


def flaws(job: PipelineJob) -> Iterator[NotebookError]:
    """Each parameter, input and output that the notebooks do not have; a kernel that is not here. Starts nothing."""
    try:
        documents = read_documents(job.notebooks, job.root)
        declared = tuple(map(declared_parameters, documents))
    except NotebookError as error:
        yield error
        return
    checks: list[Callable[[], object]] = [partial(kernel_of, documents, job)]
    checks += [partial(check_parameter, documents, declared, job, name) for name in (*job.parameters, *job.inputs)]
    checks += [partial(checked_parameters, documents, job)]
    checks += [partial(slice_notebooks, documents, {role: name}, job.root) for role, name in job.outputs.items()]
    for check in checks:
        try:
            check()
        except NotebookError as error:
            yield error
