"""cuts.py BIN [SEED]: the server lives, and the line between is cut again and again, at bytes drawn from the seed.

Now the server has its record: what was under way is sent again in the same session, and a NextTask whose answer was lost
is answered from the record.  Reads best next: storm.py, where the server dies.
"""
import json
import random
import sys

from books import Summary, check, identity_of
from programs import expect, play

TASKS = 60
CUT_EVERY = 15000  # bytes; a chunk and its neighbours are 32 KiB, so that most uploads meet a cut


def tasks(_):
    return [f"task-{i} 600000 seq -s ' ' 1 {1 + i * 397 % 5000}; exit {i % 4}" for i in range(TASKS)]


def cuts(scene):
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    scene.server()
    cutter, address = scene.cutter("--seed", str(seed), "--cut-every", str(CUT_EVERY))
    # Waits of more than a few milliseconds would only make the test longer.
    worker = scene.worker("w", "--RetryIntervals=0 1 2 5", to=f"tcp://{address}")
    identity = identity_of(worker)
    expect(worker.end() == 0, f"the worker ended badly: {worker.lines[-3:]}; {worker.complained()}")
    expect(worker.complained() == "", worker.complained())
    summary = Summary(worker)
    journal = check(scene, {"w": (identity, summary)})
    cutter.process.terminate()
    cutter.end()
    count = json.loads(cutter.lines[-1])["cuts"]
    print(f"{count} cuts; {vars(summary)}")
    expect(len(journal["DONE"]) == TASKS, f"{len(journal['DONE'])} of {TASKS} tasks are done")
    expect(count >= 20, f"only {count} cuts")
    expect(summary.replays > 0, "nothing was sent again in its session")
    expect(summary.looked == 0, f"{summary.looked} answers to Finish were lost, though the server has its record")


sys.exit(play(cuts, tasks))
