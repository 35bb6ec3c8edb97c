"""Runs the verbs of a tree in children of a process that has imported all that takes long."""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

SLOW = ("torch", "torch._dynamo", "matplotlib.figure", "safetensors.torch", "tiktoken", "regex")
OUT, ERR = "out", "err"


def warm() -> multiprocessing.context.BaseContext | None:
    """Return what starts such children; None where a process cannot be forked."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return None
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # several wait for each other on shared cores
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([*SLOW])
    return server


SERVER = warm()


def run_module(module: str, words: list[str], given: bytes, env: dict, cwd: Path, timeout: float):
    """Run `python -m module words` to its end, and return a CompletedProcess of bytes."""
    command = [sys.executable, "-m", module, *words]
    if SERVER is None:
        options = {"env": env, "cwd": cwd, "timeout": timeout, "capture_output": True}
        return subprocess.run(command, input=given, **options)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "given").write_bytes(given)
        child = SERVER.Process(target=become, args=(module, words, folder, env, cwd))
        child.start()
        child.join(timeout)
        if child.is_alive():
            child.kill()
            raise subprocess.TimeoutExpired(command, timeout)
        said = [(Path(folder) / name).read_bytes() for name in (OUT, ERR)]
        return subprocess.CompletedProcess(command, child.exitcode, *said)


def become(module: str, words: list[str], folder: str, env: dict, cwd: Path) -> None:
    """Be that process, with its streams in files of a folder."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for stream, (name, mode) in enumerate((("given", "rb"), (OUT, "wb"), (ERR, "wb"))):
        with open(Path(folder) / name, mode) as file:
            os.dup2(file.fileno(), stream)
    encoding = env.get("PYTHONIOENCODING", "utf-8")
    for stream, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        setattr(sys, name, open(stream, mode, encoding=encoding, closefd=False))  # noqa: SIM115
    sys.argv[1:] = words
    runpy.run_module(module, run_name="__main__", alter_sys=True)
