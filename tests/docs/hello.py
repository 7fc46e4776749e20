"""hello.py ROOT BIN: plays the transcript of examples/hello/README.md and compares what the programs print.

Ports and times differ from run to run and are left out of the comparison; every other character counts.
"""
import pathlib
import re
import subprocess
import sys

import loopback

TIMEOUT_S = 60


def transcript(readme):
    """The (command, output) pairs of the console blocks, in order."""
    pairs = []
    for block in re.findall(r"```console\n(.*?)```", readme.read_text(encoding="utf-8"), re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            pairs.append((command, output))
    return pairs


def normal(text):
    return re.sub(r"\d+\.\d ms", "TIME ms", loopback.normal(text))


def client(binaries, uri):
    run = subprocess.run([binaries / "counter-client", uri], capture_output=True, text=True, timeout=TIMEOUT_S)
    return run.stdout + run.stderr


def main():
    root, binaries = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    pairs = transcript(root / "examples/hello/README.md")
    commands = [command for command, _ in pairs]
    assert commands == ["build/bin/counter-server"] + ["build/bin/counter-client"] * 3, commands
    server = subprocess.Popen([binaries / "counter-server", loopback.any_port()], stdout=subprocess.PIPE, text=True)
    try:
        listening = server.stdout.readline()
        uri = listening.split()[1]
        printed = [listening, client(binaries, uri), client(binaries, uri)]
    finally:
        server.kill()
        server.wait(TIMEOUT_S)
    printed.append(client(binaries, uri))
    for (command, expected), got in zip(pairs, printed):
        if normal(expected) != normal(got):
            print(f"$ {command}\nexpected:\n{expected}\ngot:\n{got}")
            return 1
    print("hello: the transcript is true")
    return 0


sys.exit(main())
