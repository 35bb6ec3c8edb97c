"""Writes values so that they fit on a line, the same at every run."""

from types import BuiltinFunctionType, FunctionType, SimpleNamespace


def brief(value, room: int = 60) -> str:
    """Write a value in at most about `room` characters.

    Long texts and lists keep their beginnings, tensors above eight entries their shapes.
    """
    if room < 4:
        return "…"
    try:
        return written(value, room)
    except Exception:  # a learner's __repr__ may do anything
        return type(value).__name__


def told(error: BaseException) -> str:
    """Return what an exception says, on one line, if it can be made to say it."""
    try:
        return " ".join(str(error).split())
    except Exception:
        return ""


def written(value, room: int) -> str:
    """Write a value by its kind."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        return array(value, tuple(shape), room)
    if hasattr(value, "named_parameters") or hasattr(value, "param_groups"):
        return type(value).__name__
    if isinstance(value, str | bytes):
        return text(value, room)
    if isinstance(value, dict):
        shown = [
            f"{brief(k, 20)}: {brief(v, 20)}"
            for k, v in list(value.items())[: 12 if len(value) <= 12 else 2]
        ]
        return joined("{", shown, len(value), "}", room, type(value).__name__ + " ")
    if isinstance(value, list | tuple | set | frozenset):
        shown = [brief(v, room // 2) for v in list(value)[:40]]
        opening, closing = ("(", ")") if isinstance(value, tuple) else ("[", "]")
        if isinstance(value, set | frozenset):
            opening, closing = "{", "}"
        if isinstance(value, tuple) and len(value) == 1:
            closing = ",)"
        return joined(opening, shown, len(value), closing, room)
    if isinstance(value, SimpleNamespace):
        return f"namespace({', '.join(f'{k}={brief(v, 20)}' for k, v in vars(value).items())})"
    if isinstance(value, FunctionType | BuiltinFunctionType):
        return value.__name__.strip("<>")
    shown = repr(value)
    if " at 0x" in shown:  # an address is another at every run
        return type(value).__name__
    return shown if len(shown) <= max(room, 20) else f"{shown[: room - 1]}…"


def text(value: str | bytes, room: int) -> str:
    if len(repr(value)) <= room:
        return repr(value)
    kept = value[: max(room - 12, 8)]
    return f"{repr(kept)[:-1]}…{repr(kept)[-1]} ({len(value):,} long)"


def array(value, shape: tuple, room: int) -> str:
    kind = "array" if type(value).__module__ == "numpy" else "tensor"
    entries = 1
    for size in shape:
        entries *= size
    if entries <= 8:
        return f"{kind}({brief(rounded(value.tolist()), room)})"
    return f"{kind} of shape {shape}"


def rounded(value):
    """Keep four digits of each number, which is enough to know it by."""
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def joined(opening: str, shown: list[str], total: int, closing: str, room: int, kind="") -> str:
    """Join as many entries as there is room for, and count the rest."""
    kept, used = [], 0
    for entry in shown:
        used += len(entry) + 2
        if kept and used > room:
            break
        kept.append(entry)
    more = total - len(kept)
    rest = [f"… {more:,} more"] if more else []
    prefix = kind if kind not in ("dict ", "") else ""
    return f"{prefix}{opening}{', '.join(kept + rest)}{closing}"
