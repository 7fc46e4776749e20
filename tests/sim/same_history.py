"""same_history.py PROGRAM PROGRAM...: the same seeds have the same history, in every process and every build.

Where an address, a hash of pointers or the time of day decided anything, the hashes would differ.
"""
import re
import subprocess
import sys

SEEDS, RUNS = "1..60", 2


def hashes(program):
    run = subprocess.run([program, "--seeds", SEEDS, "--hash"], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{program} failed:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    return re.findall(r"^seed \d+ hash [0-9a-f]{16}$", run.stdout, re.M)


def main():
    first = hashes(sys.argv[1])
    if len(first) != 60 or len({line.split()[-1] for line in first}) != 60:
        sys.exit(f"not 60 different hashes, but: {first[:3]}")
    for program in sys.argv[1:]:
        for _ in range(RUNS):
            other = [(a, b) for a, b in zip(first, hashes(program), strict=True) if a != b]
            if other:
                sys.exit(f"{program}: {other[0][1]}, and before it was {other[0][0]}")
    print(f"{len(first)} seeds, the same in {len(sys.argv[1:]) * RUNS} processes")


if __name__ == "__main__":
    main()
