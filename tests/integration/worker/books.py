"""Compares what both sides wrote down: the server's journal, log and results, the workers' journals, results and words.

It must not know how the programs were treated: it holds after any treatment.  Reads best next: story.py.
"""
import collections
import re

from programs import expect


class Summary:
    """The figures a worker prints at its end."""

    PATTERN = re.compile(
        r"tests +(?P<done>\d+) done, (?P<late>\d+) refused as late\n"
        r"asked +(?P<asked>\d+) answered, (?P<not_run>\d+) given up before it ran, (?P<unknown>\d+) given up without"
        r" knowing, (?P<found>\d+) found by asking again\n"
        r"finished +(?P<looked>\d+) settled by looking\n"
        r"chunks +(?P<stored>\d+) stored, (?P<again>\d+) sent again\n"
        r"log lines +(?P<sent>\d+) sent, (?P<arrived>\d+) arrived, (?P<lost>\d+) lost\n"
        r"receipts +(?P<receipts>\d+) acknowledged, (?P<lost_for_certain>\d+) did not run, (?P<perhaps>\d+) unknown\n"
        r"connections +(?P<connections>\d+), (?P<replays>\d+) calls sent again in the same session$")

    def __init__(self, worker):
        match = self.PATTERN.match("\n".join(worker.lines[-7:]))
        expect(match, f"this is not a summary: {worker.lines[-7:]}; {worker.complained()}")
        for name, value in match.groupdict().items():
            setattr(self, name, int(value))


def read_journal(path):
    """{word: Counter of tasks} of a journal, and {task: worker} of those that were handed out."""
    counts, hands = collections.defaultdict(collections.Counter), {}
    for line in path.read_text().splitlines():
        word, name, *rest = line.split(" ")
        counts[word][name] += 1
        if word == "HANDED":
            hands[name] = rest[0]
    return counts, hands


def check_once(server, ran):
    """Nothing was handed out, run or ended twice, and nothing was run that was not handed out."""
    for what, counter in {"handed out": server["HANDED"], "run": ran, "ended": server["DONE"] + server["CLOSED"]}.items():
        twice = [name for name, count in counter.items() if count != 1]
        expect(not twice, f"{what} twice: {twice}")
    expect(ran.keys() == server["HANDED"].keys(), f"handed out {sorted(server['HANDED'])}, but run {sorted(ran)}")
    expect(server["LATE"].keys() <= server["CLOSED"].keys() | server["DONE"].keys(), "refused, but not closed")


def check_lines(scene, identity, summary):
    """Each line that was sent arrived or is counted as lost; no line arrived twice; the receipts did not lie."""
    lines = [line.split(" ")[1] for line in (scene.state / "log").read_text().splitlines()
             if line.split(" ")[0] == identity]
    expect(len(set(lines)) == len(lines), "a log line arrived twice")
    expect(len(lines) == summary.arrived, f"{len(lines)} lines are in the log, {summary.arrived} are said to be")
    expect(summary.lost == summary.sent - len(lines), f"{summary.lost} lost of {summary.sent}, {len(lines)} arrived")
    expect(summary.receipts + summary.lost_for_certain + summary.perhaps == summary.sent, "a line without a fate")
    expect(summary.receipts <= len(lines) <= summary.receipts + summary.perhaps, "a receipt for what did not arrive, "
           "or a line that arrived and was called lost for certain")


def identity_of(worker):
    return worker.await_line("registered as ").split(" ")[-1]


def check(scene, workers):
    """workers: {name: (identity, Summary)}, all that there were.  Returns the server's journal, as {word: Counter}."""
    server, hands = read_journal(scene.state / "journal")
    ran = collections.Counter()
    for name, (identity, summary) in workers.items():
        runs = read_journal(scene.folder / f"{name}.journal")[0]["RUN"]
        ran += runs
        mine = {task for task, worker in hands.items() if worker == identity}
        expect(runs.keys() == mine, f"{name} ran {sorted(runs)}, and was handed {sorted(mine)}")
        expect(summary.done == len(mine & server["DONE"].keys()), f"{name} says it delivered {summary.done}")
        expect(summary.late == len(mine & server["CLOSED"].keys()), f"{name} says that {summary.late} were late")
        check_lines(scene, identity, summary)
        for task in mine & server["DONE"].keys():
            sent, stored = scene.folder / name / f"{task}.out", scene.state / "results" / task
            expect(sent.read_bytes() == stored.read_bytes(), f"the result of {task} is not what it was")
    check_once(server, ran)
    return server
