"""Which calls change an object in place."""

from __future__ import annotations

import ast

_CONTAINERS = {
    *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "update", "setdefault", "popitem"),
    *("add", "discard", "appendleft", "extendleft", "popleft", "rotate", "move_to_end", "difference_update"),
    *("intersection_update", "symmetric_difference_update"),
}
_ARRAYS = {"fill", "resize", "put", "itemset", "setflags", "partition"}
_ESTIMATORS = {
    *("fit", "fit_transform", "fit_predict", "fit_resample", "fit_sample", "fit_generator", "partial_fit"),
    *("set_params", "set_output", "compile", "train_on_batch", "load_weights", "load_state_dict", "load_model"),
    *("zero_grad", "backward", "step", "train", "build_vocab"),
}
_FILES = {
    "write",
    "writelines",
    "writerow",
    "writerows",
    "seek",
    "truncate",
    "close",
    "execute",
    "executemany",
    "commit",
}
IN_PLACE_METHODS = frozenset(_CONTAINERS | _ARRAYS | _ESTIMATORS | _FILES)
_FUNCTIONS = {  # the last part of the name -> which arguments are changed
    "shuffle": (0,),
    "heappush": (0,),
    "heappop": (0,),
    "heapify": (0,),
    "insort": (0,),
    "setattr": (0,),
    "delattr": (0,),
    "next": (0,),
    "fill_diagonal": (0,),
    "copyto": (0,),
    "place": (0,),
    "putmask": (0,),
}
_RETURNS_NEW = frozenset({"sklearn", "utils"})  # sklearn.utils.shuffle hands back a copy


def is_in_place(call: ast.Call) -> bool:
    """Does this method call possibly change the object that it is called on?"""
    assert isinstance(call.func, ast.Attribute)
    if any(k.arg == "inplace" and not is_false(k.value) for k in call.keywords):
        return True
    return call.func.attr in IN_PLACE_METHODS


def changed_arguments(call: ast.Call) -> list[ast.expr]:
    """The arguments that a well-known function changes in place."""
    match call.func:
        case ast.Attribute(attr=name, value=ast.Name(id=owner)) if owner not in _RETURNS_NEW:
            pass
        case ast.Attribute(attr=name, value=ast.Attribute()):
            pass
        case ast.Name(id=name):
            pass
        case _:
            return []
    return [call.args[at] for at in _FUNCTIONS.get(name, ()) if at < len(call.args)]


def is_false(node: ast.AST) -> bool:
    """Is this the literal False?"""
    return isinstance(node, ast.Constant) and node.value is False
