"""verdicts.py BIN: how tests can end, and that each end is delivered: with their own status, or with what ended them.

Reads best next: programs.py.
"""
import sys

from books import Summary, check, identity_of
from programs import Scene, expect, play

RESULT_BYTES_MAX = 4 << 20  # as in results.h
ENDS = {  # task: (verdict, output)
    "passes": ("exit-0", ""),
    "fails": ("exit-3", "no\n"),
    "dies": ("signal-9", "no newline"),
    "leaves": ("exit-0", "left\n"),
    "floods": ("too-much-output", None),
}


def tasks(folder):
    return [
        "passes 600000 true",
        "fails 600000 echo no >&2; exit 3",
        "dies 600000 printf 'no newline'; kill -9 $$",
        f"leaves 600000 cat {folder}/gate & echo left",  # holds the pipe open after the end
        "floods 600000 cat /dev/zero",
    ]


def verdicts_of(scene, *options):
    """{task: (verdict, output)} after a worker has run all there is."""
    scene.gate("gate")
    scene.server()
    worker = scene.worker("w", *options)
    identity = identity_of(worker)
    expect(worker.end() == 0, f"the worker ended badly: {worker.lines[-3:]}; {worker.complained()}")
    check(scene, {"w": (identity, Summary(worker))})
    told = {}
    for line in (scene.state / "journal").read_text().splitlines():
        word, name, *rest = line.split(" ")
        if word == "DONE":
            told[name] = (rest[1], (scene.state / "results" / name).read_bytes())
    return told


def verdicts(scene):
    told = verdicts_of(scene)
    expect(told.keys() == ENDS.keys(), f"done: {sorted(told)}")
    for name, (verdict, output) in ENDS.items():
        expect(told[name][0] == verdict, f"{name} ended with {told[name][0]}, not {verdict}")
        expect(output is None or told[name][1] == output.encode(), f"{name} printed {told[name][1]}")
    size = len(told["floods"][1])
    expect(RESULT_BYTES_MAX - 65536 < size <= RESULT_BYTES_MAX, f"{size} bytes of a flood are stored")

    folder = scene.folder / "patience"
    folder.mkdir()
    patience = Scene(scene.binaries, folder, [f"hangs 600000 cat {folder}/gate"])
    patience.programs = scene.programs  # that end with the scene
    told = verdicts_of(patience, "--patience-ms", "300")
    expect(told == {"hangs": ("out-of-time", b"")}, f"a test that hangs: {told}")


sys.exit(play(verdicts, tasks))
