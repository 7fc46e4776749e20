"""transcripts.py BIN FOLDER FILE...: plays every "$ command" of the files and compares what it prints with what stands there.

Of a README the console blocks count, of other files all lines.  Commands run in a shell, in a scratch folder with the
files of FOLDER, the bank's .proto beside them and BIN first in PATH; stdout and stderr are compared together.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TIMEOUT_S = 60


def commands(path):
    """The (command, output) pairs of one file, in order."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.S) if path.suffix == ".md" else [text]
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def play(binaries, folder, path):
    """How many commands of one file print something else; says which."""
    environment = dict(os.environ, PATH=f"{binaries}:{os.environ['PATH']}", LC_ALL="C")
    environment.pop("SEMEL_CONFIG", None)
    wrong = count = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in folder:
            shutil.copy(name, scratch)
        for command, expected in commands(path):
            run = subprocess.run(["sh", "-c", command], cwd=scratch, env=environment, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=TIMEOUT_S)
            count += 1
            if run.stdout.strip("\n") != expected.strip("\n"):
                wrong += 1
                print(f"{path.name}: $ {command}\nexpected:\n{expected}\ngot:\n{run.stdout}")
    print(f"{path.name}: {count} commands, {wrong} that print something else")
    return wrong + (count == 0)


def main():
    binaries, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    root = folder.parents[2]
    files = sorted(folder.glob("*.conf")) + [root / "examples/bank/bank.proto", root / "examples/bank/bank.options"]
    return 1 if sum(play(binaries, files, pathlib.Path(path)) for path in sys.argv[3:]) else 0


sys.exit(main())
