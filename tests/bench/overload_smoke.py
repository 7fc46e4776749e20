"""overload_smoke.py BIN: runs semel-overload at a few points, and looks at what it prints and at what is left of the
goodput at four times the capacity.

Goodput is judged by the processor time the server was given, which a busy machine does not change; how little of it may
be left is set for a build with sanitizers, where what is not the handler takes many times longer.
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT_S = 60
BURN_US = 1000
LEAST_LEFT = 0.5
COMMON = ["--Deadline=1000", "--Window=65536", "--RetryIntervals=10 20 40 80", "--MaxQueueAge=100"]


def run(bin, arguments):
    environment = {name: value for name, value in os.environ.items() if name != "SEMEL_CONFIG"}
    return subprocess.run([os.path.join(bin, "semel-overload"), *arguments], capture_output=True, text=True,
                          timeout=TIMEOUT_S, env=environment)


def cpus():
    usable = sorted(os.sched_getaffinity(0))
    return [str(usable[0]), str(usable[1 % len(usable)])]


def measure(bin, factor, *more):
    rate = str(int(factor * 1e6 / BURN_US))
    result = run(bin, [rate, "1000", str(BURN_US), "1", *cpus(), *more])
    assert result.returncode == 0, f"exit code {result.returncode}: {result.stderr}"
    figures = json.loads(result.stdout)
    assert figures["offered"] == figures["good"] + figures["failed"], f"calls are missing: {figures}"
    assert figures["good"] <= figures["executed"] <= figures["requests"], f"more ran than came: {figures}"
    return figures


def share_of_processor(figures):
    """What part of its processor time the server spent on calls that were answered in time."""
    return figures["good"] * BURN_US / 1e6 / figures["server_cpu_s"]


def check_curve(bin):
    calm, flooded = measure(bin, 0.5, *COMMON), measure(bin, 4, *COMMON)
    assert flooded["overloaded"] > 0, f"nothing was refused: {flooded}"
    left = share_of_processor(flooded) / share_of_processor(calm)
    print(f"at 4x the capacity {left:.2f} of the goodput is left, by processor time; least: {LEAST_LEFT}")
    assert left >= LEAST_LEFT, f"{calm} {flooded}"


def check_refusals(bin):
    stuck = measure(bin, 10, "stuck", "--MaxRunning=1", *COMMON)
    assert stuck["good"] == 0 and stuck["executed"] == 1, f"something ran: {stuck}"
    assert stuck["overloaded"] >= stuck["requests"] / 2 > 0, f"not refused: {stuck}"


def check_command_line(bin):
    for arguments in ([], ["1"], ["0", "1", "1", "1", "0", "0"], ["1", "1", "1", "1", "0", "0", "more"],
                      ["1", "1", "1", "1", "0", "0", "--NoSuchKey=1"]):
        result = run(bin, arguments)
        assert result.returncode == 2 and not result.stdout and result.stderr.count("\n") == 1, \
            f"{arguments}: {result}"
    assert run(bin, ["--help"]).returncode == 0


def check_plot():
    rows = ["curve,factor,burn_us,duration_ms,offered,goodput_per_s,requests"]
    rows += [f"{curve},{factor},100,1000,{factor * 1000},{good},{factor * 2000}"
             for curve in ("neither", "both") for factor, good in ((1, 9000), (4, 8500))]
    with tempfile.TemporaryDirectory() as folder:
        table, svg = os.path.join(folder, "points.csv"), os.path.join(folder, "points.svg")
        with open(table, "w") as file:
            file.write("\n".join(rows) + "\n")
        result = subprocess.run([sys.executable, "-B", os.path.join(HERE, "overload_plot.py"), table, svg],
                                capture_output=True, text=True, timeout=TIMEOUT_S)
        assert result.returncode == 0, result.stderr
        assert "| 4x | 8500 | 8500 |" in result.stdout and "0.94" in result.stdout, result.stdout
        with open(svg) as file:
            picture = file.read()
    assert picture.count("<polyline") == 2 and picture.count("<circle") == 4 and "goodput" in picture


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    check_command_line(sys.argv[1])
    check_plot()
    check_refusals(sys.argv[1])
    check_curve(sys.argv[1])
    print("overload smoke: all well")
    return 0


sys.exit(main())
