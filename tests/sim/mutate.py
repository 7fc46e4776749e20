#!/usr/bin/env python3
"""mutate.py BUILD [NAME]... [--short N]: does the judge bite?

Each file in mutations/ is a change of the runtime that breaks the promise.  It is applied to a copy of the sources, what it
touches is compiled as the simulation of BUILD is, and seeds are played until one fails.  A change that does not apply any
more, that does not compile, or that is not found within the number of seeds it states, is an error.

--short N: only the N changes that are found soonest by what they state.

It must not know what a change means.  Reads best next: mutations/, README.md.
"""
import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SIMULATION = "semel-sim"
RUNTIME = "semel_sim_fast_runtime.dir"
SEED_FAILED = re.compile(r"seed (\d+) failed: (.*)")


class Failure(Exception):
    pass


class Mutation:
    """A patch with two lines of text before it: what it breaks, and how many seeds may pass before that shows."""

    def __init__(self, path):
        self.path, self.name = path, path.stem
        text = path.read_text(encoding="utf-8")
        self.what = text.partition("\n")[0]
        self.within = int(re.search(r"^within: (\d+)$", text, re.M).group(1))
        self.files = re.findall(r"^\+\+\+ b/(\S+)", text, re.M)


def run(command, **arguments):
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", **arguments)
    if result.returncode != 0:
        raise Failure(f"{shlex.join(map(str, command))[:200]}\n{result.stdout}{result.stderr}")
    return result.stdout


class Build:
    """How the simulation is compiled and linked, as CMake wrote it down."""

    def __init__(self, folder):
        self.folder = folder
        commands = json.loads((folder / "compile_commands.json").read_text(encoding="utf-8"))
        self.compiles = {str(pathlib.Path(entry["file"]).relative_to(ROOT)): entry for entry in commands
                         if RUNTIME in entry["command"] and entry["file"].startswith(str(ROOT))}
        self.link_folder = folder / "tests/sim"
        self.link = shlex.split((self.link_folder / f"CMakeFiles/{SIMULATION}.dir/link.txt").read_text(encoding="utf-8"))

    def compile(self, source, copy, into):
        entry = self.compiles.get(source)
        if entry is None:
            raise Failure(f"{source} is not part of the simulation")
        words = shlex.split(entry["command"])
        words[words.index("-o") + 1] = str(into)
        words = [str(copy / source) if word == entry["file"] else word for word in words]
        words.insert(1, f"-I{copy / 'runtime'}")
        run(words, cwd=entry["directory"])

    def link_with(self, objects, program):
        """The objects come first, so that the archive's own are not wanted any more."""
        words = list(self.link)
        at = words.index("-o")
        words[at + 1] = str(program)
        run(words[:at] + [str(each) for each in objects] + words[at:], cwd=self.link_folder)


def build_mutant(build, mutation, folder):
    objects = []
    for source in mutation.files:
        copy = folder / source
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text((ROOT / source).read_text(encoding="utf-8"), encoding="utf-8")
    run(["patch", "-p1", "--fuzz=0", "--quiet", "--no-backup-if-mismatch", "-i", str(mutation.path)], cwd=folder)
    for source in mutation.files:
        if not source.endswith(".c"):
            raise Failure(f"{source}: only .c files are changed, or more would have to be compiled")
        objects.append(folder / (source.replace("/", "_") + ".o"))
        build.compile(source, folder, objects[-1])
    program = folder / SIMULATION
    build.link_with(objects, program)
    return program


def first_failure(program, seeds):
    """The first seed that fails, and why; None."""
    result = subprocess.run([program, "--seeds", f"1..{seeds}"], capture_output=True, text=True, errors="replace")
    found = SEED_FAILED.search(result.stdout)
    if result.returncode == 0:
        return None
    if found is None:
        raise Failure(f"{program} ended with {result.returncode}: {result.stdout[-500:]}{result.stderr[-500:]}")
    return int(found.group(1)), found.group(2)


def judge(build, mutation):
    """One line of the table; raises Failure if the change is not found in time."""
    with tempfile.TemporaryDirectory() as folder:
        program = build_mutant(build, mutation, pathlib.Path(folder))
        found = first_failure(program, mutation.within)
    if found is None:
        raise Failure(f"not found within {mutation.within} seeds")
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--short", type=int, default=0)
    arguments = parser.parse_args()
    mutations = sorted((Mutation(path) for path in (HERE / "mutations").glob("*.patch")), key=lambda each: each.name)
    if arguments.names:
        mutations = [each for each in mutations if each.name in arguments.names]
    if arguments.short:
        mutations = sorted(mutations, key=lambda each: (each.within, each.name))[:arguments.short]
    if not mutations:
        sys.exit("mutate.py: no such mutation")
    build = Build(arguments.build.resolve())
    missed = 0
    for mutation in mutations:
        try:
            seed, why = judge(build, mutation)
            print(f"{mutation.name:22} seed {seed:5} of {mutation.within:5}  {why[:150]}", flush=True)
        except Failure as failure:
            missed += 1
            print(f"{mutation.name:22} MISSED: {failure}", flush=True)
    print(f"mutate.py: {len(mutations) - missed} of {len(mutations)} found")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
