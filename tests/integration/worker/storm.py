"""storm.py BIN [SEED]: two workers share a server that is killed again and again, at moments drawn from the seed.

What must hold is in books.py; here is only how the server is treated.  Reads best next: usage.py.
"""
import random
import sys

from books import Summary, check, identity_of
from programs import expect, open_gate, play

KILLS = 12
BETWEEN = 3  # tasks that nothing keeps back, between two gates
# At a gate a worker waits, so that the work cannot run out however slowly this script reads.  After a gate has opened
# at least one worker goes through BETWEEN tasks to its next gate, and the server says three things of each.
LINES = 3 * BETWEEN
GATES = KILLS + 2  # behind the last kill's gate there is work for both workers


def tasks(folder):
    listed = []
    for gate in range(GATES):
        listed += [f"plain-{gate}-{i} 600000 seq -s ' ' 1 {1 + (gate * BETWEEN + i) * 397 % 5000}; exit {i}"
                   for i in range(BETWEEN)]
        listed.append(f"gate-{gate} 600000 cat {folder}/gate-{gate}; echo open")
    return listed


def storm(scene):
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    gates = [scene.gate(f"gate-{gate}") for gate in range(GATES)]
    server = scene.server()
    workers = {name: scene.worker(name) for name in ("left", "right")}
    identities = {name: identity_of(worker) for name, worker in workers.items()}
    for kill in range(KILLS):
        open_gate(gates[kill])
        server.await_line(f"done gate-{kill}:")
        for _ in range(draw.randrange(LINES)):
            server.next_line()
        server.kill()
        server = scene.server()
    for gate in gates[KILLS:]:
        open_gate(gate)
    for name, worker in workers.items():
        expect(worker.end() == 0, f"{name} ended badly: {worker.lines[-3:]}; {worker.complained()}")
        expect(worker.complained() == "", worker.complained())
    summaries = {name: (identities[name], Summary(worker)) for name, worker in workers.items()}
    journal = check(scene, summaries)
    expect(len(journal["DONE"]) == GATES * (BETWEEN + 1), f"{len(journal['DONE'])} tasks are done")
    for name, (_, summary) in summaries.items():
        print(name, vars(summary))
    # Each server that was killed had done something for somebody.
    lost = sum(summary.connections for _, summary in summaries.values()) - len(workers)
    expect(lost >= KILLS, f"only {lost} connections were lost in {KILLS} kills")


sys.exit(play(storm, tasks))
