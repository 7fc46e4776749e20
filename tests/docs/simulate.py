"""simulate.py ROOT BIN: plays the transcript of examples/simulate/README.md.

Which seed fails, and with which numbers, changes with the runtime, and is left out of the comparison; every other character of
the last lines counts.  What is told before them is looked at for the story that the README tells.
"""
import pathlib
import re
import subprocess
import sys

TIMEOUT_S = 120


def transcript(readme):
    """The (command, output) pairs of the console blocks, in order."""
    blocks = re.findall(r"```console\n\$ ([^\n]*)\n(.*?)```", readme.read_text(encoding="utf-8"), re.S)
    return [(command, output) for command, output in blocks]


def normal(text):
    text = re.sub(r", \d+ events, \d+ s$", "", text, flags=re.M)
    return re.sub(r"\d+", "N", text.replace("build/bin/", ""))


def play(command, binaries):
    words = command.split()
    run = subprocess.run([binaries / pathlib.Path(words[0]).name, *words[1:]], capture_output=True, text=True,
                         timeout=TIMEOUT_S)
    return run.returncode, run.stdout.replace(f"{binaries}/", "") + run.stderr


def check(command, expected, binaries):
    status, said = play(command, binaries)
    hidden = expected.startswith("...\n")
    expected = expected.removeprefix("...\n")
    shown = "".join(said.splitlines(True)[-len(expected.splitlines()):]) if hidden else said
    if normal(shown) != normal(expected):
        sys.exit(f"{command} says\n{shown}\nand the README\n{expected}")
    if status != (1 if hidden else 0):
        sys.exit(f"{command} ended with {status}")
    if hidden and not all(word in said for word in ("awards", "writes REQUEST", "closes connection")):
        sys.exit(f"{command} does not tell what happened:\n{said[-3000:]}")


def main():
    root, binaries = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    pairs = transcript(root / "examples/simulate/README.md")
    if len(pairs) != 2:
        sys.exit(f"{len(pairs)} commands in the transcript")
    for command, expected in pairs:
        check(command, expected, binaries)
    status, said = play("simulate-points --help", binaries)
    if status != 0 or not all(word in said for word in ("--seeds A..B", "--trace", "Exit status", "examples:")):
        sys.exit(f"simulate-points --help ends with {status} and says\n{said}")
    status, said = play("simulate-points --sead 1", binaries)
    if status != 2 or "'--sead' is not understood" not in said:
        sys.exit(f"simulate-points --sead ends with {status} and says\n{said}")


if __name__ == "__main__":
    main()
