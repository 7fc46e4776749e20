"""hostile.py BIN FOLDER: every situation that can be told, and descriptions and files that were damaged.

The tool must answer or complain, never crash; and of an at-most-once operation that may have run it must never say
that it is sent again, unless the server remembers it.
"""
import itertools
import pathlib
import random
import subprocess
import sys
import tempfile

FAILURES = ("connect-failed connection-lost refused answered begun reply-gone deadline cancelled protocol "
            "attempt-timeout gave-up").split()
PROGRESS = ("queued", "partly", "written")
VERDICTS = ("none", "resumed", "new", "other-domain")
MODES = ("at-most-once", "idempotent")


def run(binary, *arguments):
    """(exit code, output) of the tool; fails unless it is one of its own exit codes."""
    done = subprocess.run([binary, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
                          stdin=subprocess.DEVNULL)
    output = done.stdout.decode("utf-8", "replace")
    assert done.returncode in (0, 1, 2) and "Sanitizer" not in output, f"{arguments}: {done.returncode}\n{output}"
    return done.returncode, output


def situations(binary):
    """Asks for every combination; returns how many can be."""
    answered = 0
    for failure, progress, verdict, mode in itertools.product(FAILURES, PROGRESS, VERDICTS, MODES):
        judged = failure == "connection-lost" and progress == "written"
        if verdict != "none" and not judged and progress != "partly":
            continue  # the same complaint again and again
        exit_code, output = run(binary, "explain", "--method", "a.B.C", "--mode", mode, "--failure", failure,
                                "--progress", progress, "--verdict", verdict, "--RetryIntervals=0,100")
        assert exit_code in (0, 2), output
        answered += exit_code == 0
        if exit_code == 0 and judged and mode == "at-most-once":
            expected = {"none": "hold", "resumed": "replay"}.get(verdict, "fail")
            assert f"\ndecision   {expected}: " in output, output
        if verdict != "none" and not judged:
            assert exit_code == 2, output
    return answered


def damage(random_source, data):
    """data with a few bytes changed, taken out or doubled."""
    data = bytearray(data)
    for _ in range(random_source.randint(1, 4)):
        at = random_source.randrange(len(data))
        kind = random_source.randrange(3)
        if kind == 0:
            data[at] = random_source.randrange(256)
        elif kind == 1:
            del data[at:at + random_source.randint(1, 20)]
        else:
            data[at:at] = data[at:at + random_source.randint(1, 20)]
    return bytes(data)


def damaged(binary, rounds, original, *arguments):
    """Reads damaged copies of a file, whose name follows the arguments; returns how many were refused."""
    random_source = random.Random(1)
    refused = 0
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch, "damaged")
        for _ in range(rounds):
            path.write_bytes(damage(random_source, original))
            refused += run(binary, *arguments, path)[0] != 0
    return refused


def main():
    binaries, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    binary = binaries / "semel"
    bank = folder.parents[2] / "examples/bank"
    described = subprocess.run([binaries / "semelc", "--describe=json", "bank.proto"], cwd=bank, check=True,
                               stdout=subprocess.PIPE, timeout=30).stdout
    answered = situations(binary)
    assert 40 < answered < 120, answered
    json_refused = damaged(binary, 80, described, "config", "show", "--method", "demo.Bank.Deposit", "--idl")
    file_refused = damaged(binary, 80, (folder / "bank.conf").read_bytes(), "config", "check")
    assert json_refused > 20 and file_refused > 20, (json_refused, file_refused)
    print(f"hostile: {answered} situations, {json_refused} descriptions and {file_refused} files refused of 80 each")
    return 0


sys.exit(main())
