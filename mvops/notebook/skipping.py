"""Cells that production may leave out: they only show something, and nothing else needs what they make."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from mvops.notebook.code import Code
from mvops.notebook.flow import CellFlow
from mvops.notebook.literals import keyword
from mvops.notebook.metric_names import METRICS
from mvops.notebook.process_state import changes_process, dotted
from mvops.notebook.walking import calls


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))


_SHOW_MODULES = re.compile(
    r"(?:plt|pyplot|sns|seaborn|px|go|pio|py|ff|alt|hv|bokeh|matplotlib|mpl|plotly|mticker|pylab|ax\w*|axs|axes|fig\w*|fig"
    r"|graph\w*|cmap|chart\w*|missingno|msno|ProfileReport|graphviz|dot|tree_graph|wordcloud|scatter_matrix|go)(?:\..*)?"
)
_WRITES = {"savefig", "save", "imsave", "write_html", "write_image", "to_file", "render"}
_PLAIN = _words(
    """
    print len type sorted list range str int float bool round set dict tuple zip enumerate min max sum abs dir
    help isinstance display Image HTML Markdown format map filter any all repr getattr hasattr scatter_matrix
    plot_tree Counter WordCloud export_text pprint reversed IFrame SVG make_subplots divmod
    """
)
_METHODS = _words(
    """
    head tail info describe value_counts isnull isna notnull notna sum mean median std var min max count nunique
    unique corr corrwith cov groupby agg aggregate size skew kurt quantile mode idxmax idxmin nlargest nsmallest
    sort_values sort_index reset_index set_index transpose round any all duplicated plot hist boxplot bar barh
    line area scatter pie box kde density hexbin style background_gradient format to_frame tolist to_list items
    keys values copy astype select_dtypes filter query isin between iloc memory_usage melt pivot pivot_table
    unstack stack crosstab cumsum abs join split strip lower upper title replace startswith endswith contains
    drop dropna T apply to_string to_markdown to_html show get_params get_feature_names_out get_feature_names
    summary get_dummies flatten ravel reshape rename set_title set_xlabel set_ylabel legend first map sort rank
    resample rolling assign where mask nlargest shape concat DataFrame Series cut qcut
    """
)
_SHOWS = re.compile(r"\w*(?:plot|show|draw|display|visuali[sz]e|hist|heatmap|chart|print)\w*", re.IGNORECASE)
_QUIET_MAGIC = re.compile(
    r"[%!]*\s*(?:matplotlib|config|pip3?|conda|(?:python3?|sys\.executable|\{sys\.executable\}) -m pip|ls|ll|pwd"
    r"|mvops|nvidia-smi|head|tail|cat|wc|load_ext (?:mvops|autoreload|watermark|nb_black|lab_black|tensorboard)"
    r"|autoreload|reload_ext|watermark|whos?|du|echo|free|lscpu|jupyter|html|HTML|javascript|js|latex|markdown|svg|time|timeit|pinfo\w*|apt(?:-get)?)\b|\?|[\w.]+\?"
)


def skippable(cells: Sequence[Code], flows: Sequence[CellFlow], needed: Iterable[str]) -> list[bool]:
    """For each cell, may production leave it out? `needed` are names that must exist in the end."""
    skip = [_only_shows(code) for code in cells]
    while True:
        wanted = set(needed).union(*(flow.reads for flow, gone in zip(flows, skip, strict=True) if not gone))
        found = [gone and not (flow.binds | flow.mutates) & wanted for flow, gone in zip(flows, skip, strict=True)]
        if found == skip:
            return found
        skip = found


def _only_shows(code: Code) -> bool:
    if not all(_QUIET_MAGIC.match(magic) for magic in code.cell.magics):
        return False
    if code.cell.language:
        return True
    body = code.cell.tree.body
    if any(isinstance(s, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef) for s in body) and not any(
        isinstance(s, ast.Expr) for s in code.statements()
    ):
        return False
    return all(_shows(statement) for statement in body) and (not body or _has_display(code))


def _has_display(code: Code) -> bool:
    return any(isinstance(statement, ast.Expr) for statement in code.statements())


def _shows(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=value) | ast.Assign(value=value):
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            if any(not isinstance(t, ast.Name | ast.Tuple) for t in targets):
                return all(_SHOW_MODULES.fullmatch(dotted(getattr(t, "value", t)) or "?") for t in targets)
            return all(_is_harmless(call) for call in calls(value))
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.Pass():
            return True
        case ast.For() | ast.If() | ast.With():
            return all(_shows(inner) for inner in [*statement.body, *getattr(statement, "orelse", [])])
        case ast.AugAssign(target=ast.Name()):
            return True
    return False


def _is_harmless(call: ast.Call) -> bool:
    if any(k.arg == "inplace" for k in call.keywords) or changes_process(call.func):
        return False
    if isinstance(call.func, ast.Name):
        name = call.func.id
        shows = name in _PLAIN or _SHOWS.fullmatch(name) is not None or _SHOW_MODULES.fullmatch(name) is not None
        return shows and name not in METRICS
    if not isinstance(call.func, ast.Attribute):
        return False
    name, owner = call.func.attr, dotted(call.func.value)
    if name in _WRITES or name in METRICS:
        return False
    if name == "sample":
        return keyword(call, "random_state") is not None
    shows = _SHOW_MODULES.fullmatch(owner) is not None or owner.partition(".")[0] in {"np", "numpy", "math"}
    return (shows and "random" not in owner) or name in _METHODS or bool(_SHOWS.fullmatch(name))
