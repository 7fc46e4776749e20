"""call_back.py ROOT BIN: plays examples/call-back/README.md: a house asks a thermometer, is killed, and asks again.

Ports differ from run to run and are left out of the comparison; every other character counts.
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
        for part in re.split(r"^\$ build/bin/", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            pairs.append((command, loopback.normal(output)))
    return pairs


def start(binaries, *command):
    return subprocess.Popen([binaries / command[0], *command[1:]], stdout=subprocess.PIPE, text=True)


def stop(process):
    process.kill()
    process.wait(TIMEOUT_S)
    process.stdout.close()


def ask(binaries, room, uri):
    run = subprocess.run([binaries / "call-back-ask", room, uri], capture_output=True, text=True, timeout=TIMEOUT_S)
    return run.stdout + run.stderr


def start_house(binaries, uri):
    house = start(binaries, "call-back-house", uri)
    return house, house.stdout.readline()


def play(binaries, processes):
    house, listening = start_house(binaries, loopback.any_port())
    processes.append(house)
    uri = listening.split()[1]
    thermometer = start(binaries, "call-back-thermometer", "kitchen", "21", uri)
    processes.append(thermometer)
    registered = thermometer.stdout.readline()
    printed = [loopback.normal(listening) + house.stdout.readline(), registered]
    printed += [ask(binaries, "kitchen", uri), ask(binaries, "cellar", uri)]
    stop(house)
    processes[0], _ = start_house(binaries, uri)
    again = thermometer.stdout.readline()
    assert again == registered, again
    return printed + [ask(binaries, "kitchen", uri)]


def main():
    root, binaries = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    pairs = transcript(root / "examples/call-back/README.md")
    names = [command.split()[0] for command, _ in pairs]
    assert names == ["call-back-house", "call-back-thermometer"] + ["call-back-ask"] * 3, names
    processes = []
    try:
        printed = play(binaries, processes)
    finally:
        for process in processes:
            stop(process)
    expected = [output for _, output in pairs]
    if printed != expected:
        print(f"expected:\n{expected}\ngot:\n{printed}")
        return 1
    print("call-back: the transcript is true")
    return 0


sys.exit(main())
