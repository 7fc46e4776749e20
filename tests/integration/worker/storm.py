"""storm.py BIN [SEED [ENDS]]: two workers share a server that is killed, or drained, again and again (12 times, or up to
248), at moments drawn from the seed.

What must hold is in books.py; here is only how the server is treated.  Reads best next: usage.py.
"""
import random
import sys

from books import Summary, check, identity_of
from programs import ALL_S, expect, open_gate, play

ENDS = int(sys.argv[3]) if len(sys.argv) > 3 else 12
BETWEEN = 3  # tasks that nothing keeps back, between two gates
# At a gate a worker waits, so that the work cannot run out however slowly this script reads.  After a gate has opened
# at least one worker goes through BETWEEN tasks to its next gate, and the server says three things of each.
LINES = 3 * BETWEEN
GATES = ENDS + 2  # behind the last end's gate there is work for both workers


def tasks(folder):
    listed = []
    for gate in range(GATES):
        listed += [f"plain-{gate}-{i} 600000 seq -s ' ' 1 {1 + (gate * BETWEEN + i) * 397 % 5000}; exit {i}"
                   for i in range(BETWEEN)]
        listed.append(f"gate-{gate} 600000 cat {folder}/gate-{gate}; echo open")
    return listed


def end(server, graceful):
    """Both ways it is gone afterwards; a drain loses no call, but nobody is there for the next ones either."""
    if graceful:
        server.process.terminate()
        expect(server.end() == 0, f"a drained server ended badly: {server.complained()}")
    else:
        server.kill()


def storm(scene):
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    gates = [scene.gate(f"gate-{gate}") for gate in range(GATES)]
    server = scene.server()
    workers = {name: scene.worker(name) for name in ("left", "right")}
    identities = {name: identity_of(worker) for name, worker in workers.items()}
    for number in range(ENDS):
        open_gate(gates[number])
        server.await_line(f"done gate-{number}:")
        for _ in range(draw.randrange(LINES)):
            server.next_line()
        end(server, graceful=draw.randrange(3) == 0)
        server = scene.server()
    for gate in gates[ENDS:]:
        open_gate(gate)
    for name, worker in workers.items():
        expect(worker.end() == 0, f"{name} ended badly: {worker.lines[-3:]}; {worker.complained()}")
        expect(worker.complained() == "", worker.complained())
    summaries = {name: (identities[name], Summary(worker)) for name, worker in workers.items()}
    journal = check(scene, summaries)
    expect(len(journal["DONE"]) == GATES * (BETWEEN + 1), f"{len(journal['DONE'])} tasks are done")
    for name, (_, summary) in summaries.items():
        print(name, vars(summary))
    # Each server that ended had done something for somebody.
    lost = sum(summary.connections for _, summary in summaries.values()) - len(workers)
    expect(lost >= ENDS, f"only {lost} connections ended with {ENDS} servers")


sys.exit(play(storm, tasks, max(ALL_S, 5 * ENDS)))
