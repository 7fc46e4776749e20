"""usage.py BIN: what is wrong is said in one line and nothing is done; a worker's second life is another worker.

Reads best next: verdicts.py.
"""
import subprocess
import sys

from books import Summary, identity_of, read_journal
from programs import SILENCE_S, expect, open_gate, play


def tasks(folder):
    return [
        f"killed 600000 echo >{folder}/begun; cat {folder}/gate",
        f"stopped 600000 exec 3>{folder}/alive; echo begun >&3; cat {folder}/gate",
    ]


def refused(status, text, *command):
    run = subprocess.run(command, capture_output=True, text=True, timeout=SILENCE_S, check=False)
    expect(run.returncode == status, f"{command}: status {run.returncode}, not {status}: {run.stderr}")
    expect(text in run.stderr, f"{command}: said \"{run.stderr}\", not \"{text}\"")
    expect(run.stdout == "", f"{command}: an error and output: {run.stdout}")


def lists(scene, server):
    """Every mistake in a list of tasks names its line."""
    for number, (text, wrong) in enumerate({
        "Big 1 true": "1: a name is 1 to 32 of",
        "../up 1 true": "1: a name is 1 to 32 of",
        "a" * 33 + " 1 true": "1: a name is 1 to 32 of",
        "# a comment\n\na 0 true": "3: after the name comes a limit",
        "a 86400001 true": "1: after the name comes a limit",
        "a -1 true": "1: after the name comes a limit",
        "a 1s true": "1: after the name comes a limit",
        "a": "1: after the name comes a limit",
        "a 1": "1: after the limit comes a command",
        "a 1 " + "x" * 513: "1: after the limit comes a command",
        "a 1 " + "x" * 5000: "1: this line is too long",
        "a 1 true\na 1 true": "2: this name is taken",
    }.items()):
        path = scene.folder / f"list-{number}"
        path.write_text(text + "\n")
        refused(2, f"{path}:{wrong}", *server, "--tasks", path, "--state", scene.folder / "none")
    expect(not (scene.folder / "none").exists(), "something was made for a list that is wrong")


def books(scene, server):
    """A journal that makes no sense is not believed in part."""
    state = scene.folder / "other"
    state.mkdir()
    for text, number in {
        "WORKER w-1\nHANDED killed w-1": 2,  # torn
        "HANDED nobody w-1\n": 1,
        "DONE killed w-1 exit-0 0\n": 1,
        "HANDED killed w-1\nCLOSED killed w-1\nHANDED killed w-2\n": 3,
        "WORKER w-1\nWORKER w-1\n": 2,
        "SOLD killed w-1\n": 1,
        "x" * 2000 + "\n": 1,
    }.items():
        (state / "journal").write_text(text)
        refused(1, f"{state}/journal:{number}: a line makes no sense", *server, "--tasks", scene.folder / "tasks",
                "--state", state)
        expect((state / "journal").read_text() == text, "the journal was changed")
    (state / "journal").write_text("WORKER w-1\n")
    (state / "log").write_text("w-2 1 hello\n")
    refused(1, f"{state}/log:1: a line makes no sense", *server, "--tasks", scene.folder / "tasks", "--state", state)


def stop(scene, worker):
    """A worker that is stopped stops its test."""
    worker.await_line("running stopped")
    with open(scene.folder / "alive", encoding="ascii") as alive:
        expect(alive.readline() == "begun\n", "the test did not begin")
        worker.process.terminate()
        expect(worker.end() == 1, f"a worker that was stopped: {worker.lines[-3:]}; {worker.complained()}")
        expect(worker.complained() == "", worker.complained())
        alive.read()  # until nobody holds it


def lives(scene):
    """A worker that is killed takes its task with it: the next one of its name neither gets nor runs it."""
    gate, begun = scene.gate("gate"), scene.gate("begun")
    scene.gate("alive")
    server = scene.server()
    refused(1, "another process has it open", scene.binaries / "worker-server", "--listen", "tcp://127.0.0.1:0",
            "--tasks", scene.folder / "tasks", "--state", scene.state)
    first = scene.worker("w")
    first_identity = identity_of(first)
    first.await_line("running killed")
    begun.read_text()  # waits until the test says it
    first.process.kill()
    first.process.wait(SILENCE_S)
    open_gate(gate)  # so that its test ends, too
    first.end()
    second = scene.worker("w")
    expect(identity_of(second) != first_identity, "two lives of a worker have one name")
    stop(scene, second)
    third = scene.worker("w")
    identity_of(third)
    expect(third.end() == 0, f"the third life: {third.lines}; {third.complained()}")
    expect((Summary(third).done, Summary(third).found) == (0, 0), "the third life was given another one's task")
    expect(read_journal(scene.folder / "w.journal")[0]["RUN"] == {"killed": 1, "stopped": 1}, "a task was run twice")
    server.process.terminate()
    expect(server.end() == 0, f"the server does not end in good order: {server.complained()}")


def usage(scene):
    server = (scene.binaries / "worker-server", "--listen", "tcp://127.0.0.1:0")
    worker = (scene.binaries / "worker", "--to", "tcp://127.0.0.1:1")
    refused(2, "--tasks FILE is required", *server)
    refused(2, "--hold: \"Look\" is not one of NextTask, PutChunk, Finish", *server, "--hold", "Look")
    refused(2, "did you mean --folder?", *worker, "--foldr", "x")
    refused(2, "--name: 1 to 31 of", *worker, "--folder", scene.folder / "f", "--name", "Worker/1")
    refused(2, "tcp:/nowhere", scene.binaries / "worker", "--to", "tcp:/nowhere", "--folder", scene.folder / "f")
    refused(1, "No such file or directory", *worker, "--folder", scene.folder / "no/where")
    for program in ("worker", "worker-server"):
        said = subprocess.run([scene.binaries / program, "--help"], capture_output=True, text=True, timeout=SILENCE_S,
                              check=True).stdout
        expect(f"usage: {program}" in said and "RetryIntervals" in said, f"{program} --help: {said}")
    lists(scene, server)
    books(scene, server)
    lives(scene)


sys.exit(play(usage, tasks))
