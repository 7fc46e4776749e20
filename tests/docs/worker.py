"""worker.py ROOT BIN: plays examples/worker/README.md: the server is killed and restarted under the worker.

Ports and the random part of the worker's name differ from run to run.  Where a line is lost and where the test that
printed it ends are two things: the lines of the worker are compared without their order.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import loopback

TIMEOUT_S = 60


def normal(text):
    return re.sub(r"worker-[0-9a-f]{16}", "worker-LIFE", loopback.normal(text))


def transcript(readme):
    """The (command, output) pairs of the console blocks, in order."""
    blocks = re.findall(r"```console\n\$ ([^\n]*)\n(.*?)```", readme.read_text(encoding="utf-8"), re.S)
    return [command for command, _ in blocks], [normal(output) for _, output in blocks]


def start(command, folder, root, binaries, uri):
    """A command of the README, with the programs of this build and at a port of its own."""
    words = command.replace("build/bin", str(binaries)).replace("examples", f"{root}/examples").split(" ")
    words = [uri if word.startswith("tcp:") else word for word in words]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def read_until(process, start_of_line):
    text = ""
    while line := process.stdout.readline():
        text += line
        if line.startswith(start_of_line):
            return text
    raise AssertionError(f"{process.args[0]} ended after: {text}")


def rest(process):
    """What it still says until its end.  (communicate would forget what a readline took in beyond its line.)"""
    text = process.stdout.read()
    process.wait(TIMEOUT_S)
    process.stdout.close()
    return text


def stop(process):
    process.kill()
    return rest(process)


def play(commands, folder, root, binaries):
    """What the first server, the worker and the second server print."""
    os.mkfifo(os.path.join(folder, "gate"))
    first = start(commands[0], folder, root, binaries, loopback.any_port())
    second = worker = None
    try:
        said_first = read_until(first, "listening")
        uri = said_first.split()[1]
        worker = start(commands[1], folder, root, binaries, uri)
        said_first += read_until(first, "handed patient")
        said = read_until(worker, "running patient")
        said_first += stop(first)
        with open(os.path.join(folder, "gate"), "w", encoding="ascii") as pipe:  # waits until the test reads
            pipe.write("go\n")
        said += read_until(worker, "losing")
        second = start(commands[2], folder, root, binaries, uri)
        said_second = read_until(second, "listening")
        said += rest(worker)
        said_second += stop(second)
    finally:
        for process in (first, worker, second):
            if process is not None:
                process.kill()
    return [said_first, said, said_second], worker.returncode


def main():
    root, binaries = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    os.environ.pop("SEMEL_CONFIG", None)
    commands, expected = transcript(root / "examples/worker/README.md")
    programs = [command.split(" ")[0] for command in commands]
    assert programs == ["build/bin/worker-server", "build/bin/worker", "build/bin/worker-server"], commands
    with tempfile.TemporaryDirectory() as folder:
        printed, code = play(commands, folder, root, binaries)
    printed = [normal(text) for text in printed]
    expected[1], printed[1] = ("".join(sorted(text.splitlines(True))) for text in (expected[1], printed[1]))
    if printed != expected or code != 0:
        print(f"expected:\n{expected}\ngot, status {code}:\n{printed}")
        return 1
    print("worker: the transcript is true")
    return 0


sys.exit(main())
