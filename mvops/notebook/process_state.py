"""Which statements change the process itself: the working folder, the import path, seeds, options, styles."""

from __future__ import annotations

import ast
import re

_CALLS = re.compile(
    r"os\.chdir|os\.environ\.(?:update|setdefault|pop)|os\.putenv|sys\.path\.\w+|sys\.setrecursionlimit|site\.addsitedir"
    r"|(?:warnings\.)?(?:filterwarnings|simplefilter)|logging\.(?:basicConfig|disable)|locale\.setlocale"
    r"|(?:\w+\.)*rcParams\.update|(?:plt|pyplot|matplotlib|mpl|sns|seaborn)\.(?:rc|use|rcdefaults|style\.use|ion|ioff)"
    r"|matplotlib\.pyplot\.(?:rc|style\.use)|(?:sns|seaborn)\.(?:set|set_\w+|reset_\w+)"
    r"|(?:pd|pandas)\.(?:set_option|reset_option|options\.\w+)|(?:np|numpy)\.(?:set_printoptions|seterr)|set_config"
    r"|sklearn\.set_config|(?:np|numpy)\.random\.seed|random\.seed|np_random_seed|seed"
    r"|(?:tf|tensorflow)\.(?:random\.)?(?:set_seed|set_random_seed)|(?:keras|tf\.keras)\.utils\.set_random_seed"
    r"|torch\.(?:manual_seed|cuda\.manual_seed\w*|use_deterministic_algorithms|set_\w+)|load_dotenv|(?:\w+\.)?load_dotenv"
    r"|tqdm\.pandas|(?:\w+\.)*init_notebook_mode|(?:\w+\.)?set_matplotlib_formats|(?:\w+\.)?enable_\w+_?display"
    r"|socket\.setdefaulttimeout|get_ipython\(\)\.\w+|cf\.go_offline|cufflinks\.go_offline|alt\.\w+\.enable"
)
_TARGETS = re.compile(
    r"(?:\w+\.)*rcParams|sys\.path|os\.environ|(?:pd|pandas)\.options(?:\.\w+)+|sys\.\w+|\w+\.(?:\w+\.)*options\.\w+"
    r"|InteractiveShell\.\w+|ssl\._create_default_https_context|\w+\.Config\.\w+|warnings\.\w+"
)
SEEDS = re.compile(
    r"(?:np|numpy)\.random\.seed|random\.seed|seed|(?:tf|tensorflow)\.(?:random\.)?(?:set_seed|set_random_seed)"
    r"|(?:keras|tf\.keras)\.utils\.set_random_seed|torch\.manual_seed"
)


def dotted(node: ast.AST) -> str:
    """`a.b.c` as text; a call in the chain is `()`; "" for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=name):
            front = dotted(inner)
            return f"{front}.{name}" if front else ""
        case ast.Call(func=inner):
            front = dotted(inner)
            return f"{front}()" if front else ""
    return ""


def changes_process(node: ast.AST) -> bool:
    """Is this called function, or this assigned target, state of the process and no variable?"""
    if isinstance(node, ast.Subscript):
        return bool(_TARGETS.fullmatch(dotted(node.value)))
    if isinstance(getattr(node, "ctx", None), ast.Store):
        return isinstance(node, ast.Attribute) and bool(_TARGETS.fullmatch(dotted(node)))
    return bool(_CALLS.fullmatch(dotted(node)))


def sets_seed(call: ast.Call) -> bool:
    """Does this call seed a random generator that the whole process shares?"""
    return bool(SEEDS.fullmatch(dotted(call.func)))
