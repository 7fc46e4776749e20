"""stranger.py BIN: a worker that lies, and one that takes what is not its own: refused, and nothing of it is kept.

Also a server without room for a result: the worker tries again until there is.  Reads best next: stranger.c.
"""
import sys

from books import Summary, check, identity_of
from programs import expect, play


def tasks(_):
    return ["first 600000 true", "second 600000 echo kept"]


def strangers(scene):
    server = scene.server()
    stranger = scene.start("worker-stranger", scene.uri)
    expect(stranger.end() == 0, stranger.complained())
    journal = (scene.state / "journal").read_text().splitlines()
    expect([line.rsplit(" ", 1)[0] if line.startswith("DONE") else line for line in journal] == [
        "WORKER mallory", "HANDED first mallory", "WORKER eve", "DONE first mallory exit-0", "LATE first mallory",
        "LATE first mallory"], f"the journal: {journal}")
    expect((scene.state / "log").read_text() == "mallory 7 a?mallory 8 b?[2J?\n", (scene.state / "log").read_text())
    stored = {path.name: path.read_text() for path in (scene.state / "results").iterdir()}
    expect(stored == {"first": "result"}, f"stored: {stored}")
    expect({path.name for path in scene.state.iterdir()} == {"journal", "log", "results"}, "something else was made")
    server.kill()
    scene.server()  # it understands what it wrote
    no_room(scene)


def no_room(scene):
    in_the_way = scene.state / "results" / "second"
    in_the_way.mkdir()
    worker = scene.worker("w")
    identity = identity_of(worker)
    worker.await_line("the result cannot be stored: cannot store it: Is a directory; once more")
    in_the_way.rmdir()
    expect(worker.end() == 0, f"the worker ended badly: {worker.lines[-3:]}; {worker.complained()}")
    summary = Summary(worker)
    expect(summary.done == 1 and in_the_way.read_text() == "kept\n", f"second: {worker.lines}")
    # Of the other one's task nobody has a worker's journal.
    journal = scene.state / "journal"
    journal.write_text("".join(line for line in journal.read_text().splitlines(True) if " first " not in line))
    check(scene, {"w": (identity, summary)})


sys.exit(play(strangers, tasks))
