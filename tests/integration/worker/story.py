"""story.py BIN: one worker lives through five servers; each dies at the moment that hurts most.

Every moment is chosen by what the programs say, and with answers that are kept back (--hold); nothing is timed.
Reads best next: storm.py, where the moments are drawn.
"""
import sys

from books import Summary, check, identity_of
from programs import expect, open_gate, play


def tasks(folder):
    return [
        "alpha 600000 seq 1 20000 | tr '\\n' ' '",
        f"closes 100 echo begins; cat {folder}/gate-closes; echo late",
        f"silent 100 cat {folder}/gate-silent >{folder}/nothing",
        f"loud 600000 cat {folder}/gate-loud; seq 1 50",
        "last 600000 exit 7",
    ]


def hand_out(scene, server, worker):
    """The answer to NextTask is lost: the worker gives up, waits, and is told by Register."""
    server.await_line("handed alpha")
    server.kill()
    worker.await_line("gave up asking: UNAVAILABLE, outcome UNKNOWN")
    server = scene.server("--hold", "PutChunk")
    worker.await_line("found alpha")
    return server


def chunks(scene, server):
    """Chunks are stored, and their answers lost: they are sent again, and stored again."""
    for offset in (0, 8192, 16384, 24576):
        server.await_line(f"stored alpha from {offset}")
    server.kill()
    return scene.server("--hold", "Finish")


def finish(scene, server, worker):
    """The answer to Finish is lost: the worker does not send it again, but looks."""
    server.await_line("stored alpha from 0")
    server.await_line("done alpha")
    server.kill()
    server = scene.server()
    worker.await_line("unknown whether alpha is finished")
    worker.await_line("delivered alpha")
    return server


def late(scene, server, worker):
    """Two tasks run out of time: one is refused with its first chunk, one, without output, by Finish."""
    for name in ("closes", "silent"):
        server.await_line(f"closed {name}")
        open_gate(scene.folder / f"gate-{name}")
        worker.await_line(f"late {name}")


def losses(scene, server, worker):
    """Nobody hears the log lines of a test that prints while the server is away."""
    worker.await_line("running loud")
    server.kill()
    expect(worker.process.poll() is None, "four servers died, and so did the worker")  # it waits at the gate
    open_gate(scene.folder / "gate-loud")
    worker.await_line("losing log lines")
    scene.server()
    worker.await_line("delivered loud")


def story(scene):
    for name in ("closes", "silent", "loud"):
        scene.gate(f"gate-{name}")
    server = scene.server("--hold", "NextTask")
    worker = scene.worker("w")
    identity = identity_of(worker)
    server = hand_out(scene, server, worker)
    server = chunks(scene, server)
    server = finish(scene, server, worker)
    late(scene, server, worker)
    losses(scene, server, worker)
    expect(worker.end() == 0, f"the worker ended badly: {worker.lines[-3:]}; {worker.complained()}")
    expect(worker.complained() == "", worker.complained())
    summary = Summary(worker)
    journal = check(scene, {"w": (identity, summary)})

    expect(sorted(journal["DONE"]) == ["alpha", "last", "loud"], f"done: {sorted(journal['DONE'])}")
    expect(sorted(journal["CLOSED"]) == ["closes", "silent"], f"closed: {sorted(journal['CLOSED'])}")
    expect(sorted(journal["LATE"]) == ["closes", "silent"], f"refused: {sorted(journal['LATE'])}")
    expect((summary.unknown, summary.not_run, summary.found) == (1, 0, 1), f"asked: {worker.lines[-6]}")
    expect(summary.looked == 1, f"looked {summary.looked} times")
    expect(summary.again == 4, f"{summary.again} chunks were sent again, not the 4 that were under way")
    # All 50, but where the next server is there before the worker has sent the last of them.
    expect(1 <= summary.lost <= 50, f"{summary.lost} log lines lost: 50 were printed while nobody listened")
    expect(summary.connections == 5, f"{summary.connections} connections to five servers")
    text = (scene.state / "results/alpha").read_text()
    expect(text == " ".join(map(str, range(1, 20001))) + " ", "the result of alpha is not its output")
    print("\n".join(worker.lines))


sys.exit(play(story, tasks))
