"""smoke.py BIN: runs every way of semel-bench with few calls, and looks at its exit code and at each field it prints.

The figures themselves are not judged: a test does not know how busy its machine is.
"""
import itertools
import json
import os
import subprocess
import sys

TIMEOUT_S = 60
PAYLOADS = {0: 100, 64: 100, 70000: 20, 1 << 20: 10}  # bytes: calls at depth 1
DEPTHS = (1, 64)
WAYS = [("floor", []), ("echo", []), ("echo", ["--mode", "at-most-once"]), ("echo", ["--mode", "idempotent"])]
ONEWAY = [("floor", ["--mode", "oneway"]), ("echo", ["--mode", "oneway"])]
TRANSPORTS = ([], ["--transport", "tcp"], ["--transport", "unix"])

FIELDS = ("peer payload depth calls calls_per_s server_cpu_us_per_call client_cpu_us_per_call "
          "p50_us p99_us p999_us server_peak_rss_kb").split()
USUAL = ["--payload", "64", "--depth", "1", "--calls", "10"]

# Arguments, and what the line on stderr must say; each ends with exit code 2 and prints nothing on stdout.
WRONG = [
    ([], "echo or floor"),
    (["reverb", *USUAL], "reverb"),
    (["echo"], "--payload is missing"),
    (["echo", "--payload", "64", "--depth", "1"], "--calls is missing"),
    (["echo", "--payload", "64", "--calls", "1"], "--depth is missing"),
    (["echo", *USUAL, "--calls", "10"], "given twice"),
    (["echo", *USUAL, "--colour", "red"], "--colour"),
    (["echo", *USUAL, "more"], "more"),
    (["echo", *USUAL, "--mode"], "needs a value"),
    (["echo", *USUAL, "--mode", "exactly-once"], "at-most-once, idempotent"),
    (["echo", *USUAL, "--transport", "pigeon"], "tcp, unix, tls"),
    (["echo", *USUAL, "--transport", "tls"], "tls is not available in this build"),
    (["floor", *USUAL, "--transport", "tls"], "tls is not available in this build"),
    (["echo", *USUAL, "--client-cpu", "-1"], "not a whole number"),
    (["echo", *USUAL, "--server-cpu", "1000000"], "out of range"),
    (["echo", "--payload", "65536", "--depth", "1", "--calls", "1", "--mode", "oneway"], "at most 65535"),
    (["echo", "--payload", "64k", "--depth", "1", "--calls", "1"], "not a whole number"),
    (["echo", "--payload", "4194305", "--depth", "1", "--calls", "1"], "out of range"),
    (["echo", "--payload", "64", "--depth", "0", "--calls", "1"], "out of range"),
    (["echo", "--payload", "64", "--depth", "4097", "--calls", "1"], "out of range"),
    (["echo", "--payload", "64", "--depth", "1", "--calls", "0"], "out of range"),
    (["echo", "--payload", "4194304", "--depth", "4096", "--calls", "1"], "times --depth"),
]


def run(bench, arguments):
    # Semel as it comes, whatever the caller has set up.
    environment = {name: value for name, value in os.environ.items() if name != "SEMEL_CONFIG"}
    return subprocess.run([bench, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, env=environment)


def unique(pairs):
    """A JSON object as a dict; a name that comes twice is an error."""
    assert len(dict(pairs)) == len(pairs), "a field comes twice"
    return dict(pairs)


def figures_wrong(figures, asked):
    """What is wrong with the figures of one run, or None."""
    if set(figures) != set(FIELDS):
        return f"fields: {sorted(set(figures) ^ set(FIELDS))}"
    for name, value in asked.items():
        if figures[name] != value:
            return f"{name} is {figures[name]}, was asked to be {value}"
    measured = [name for name in FIELDS if name not in asked]
    if not all(type(figures[name]) in (int, float) for name in measured):
        return "a figure is no number"
    if not all(figures[name] > 0 for name in measured):
        return "a figure is not above 0"
    if not figures["p50_us"] <= figures["p99_us"] <= figures["p999_us"]:
        return "the quantiles do not rise"
    # A call can not last longer than all of them; buckets of the histogram are 1/64 wide.
    if figures["p50_us"] > 1.02 * 1e6 * asked["calls"] / figures["calls_per_s"]:
        return "the median call lasted longer than all calls"
    return None


def measurement_wrong(bench, peer, options, payload, depth):
    calls = PAYLOADS[payload] + 2 * (depth - 1)
    sizes = ["--payload", str(payload), "--depth", str(depth), "--calls", str(calls)]
    result = run(bench, [peer, *sizes, *options])
    if result.returncode != 0:
        return f"exit code {result.returncode}: {result.stderr}"
    if result.stderr or result.stdout.count("\n") != 1:
        return f"not one line: {result.stdout}{result.stderr}"
    try:
        figures = json.loads(result.stdout, object_pairs_hook=unique)
    except (ValueError, AssertionError) as error:
        return f"{error}: {result.stdout}"
    wrong = figures_wrong(figures, {"peer": peer, "payload": payload, "depth": depth, "calls": calls})
    return wrong and f"{wrong}: {result.stdout}"


def refusal_wrong(bench, arguments, words):
    result = run(bench, arguments)
    lines = result.stderr.splitlines()
    if result.returncode == 2 and not result.stdout and len(lines) == 1 and words in lines[0]:
        return None
    return f"exit code {result.returncode}, wanted 2 and \"{words}\" in one line: {result.stdout}{result.stderr}"


def help_wrong(bench):
    result = run(bench, ["--help"])
    missing = [name for name in FIELDS if name not in result.stdout]
    return None if result.returncode == 0 and not missing else f"exit code {result.returncode}, not told: {missing}"


def checks(bench):
    """Every check, as what it is and what is wrong with it."""
    for (peer, mode), transport, payload, depth in itertools.product(WAYS, TRANSPORTS, PAYLOADS, DEPTHS):
        if bool(mode) != bool(transport) and peer == "echo":
            continue  # the defaults are tried together
        options = mode + transport
        yield f"{peer} {payload} B depth {depth} {' '.join(options)}", measurement_wrong(bench, peer, options, payload,
                                                                                       depth)
    for (peer, mode), transport, payload, depth in itertools.product(ONEWAY, TRANSPORTS[1:], (0, 64), DEPTHS):
        options = mode + transport
        yield f"{peer} {payload} B depth {depth} {' '.join(options)}", measurement_wrong(bench, peer, options, payload,
                                                                                       depth)
    for arguments, words in WRONG:
        yield f"refuses: {' '.join(arguments)}", refusal_wrong(bench, arguments, words)
    yield "processors", measurement_wrong(bench, "echo", ["--client-cpu", cpu(), "--server-cpu", cpu()], 64, 1)
    yield "--help", help_wrong(bench)


def cpu():
    return str(min(os.sched_getaffinity(0)))


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    done = list(checks(os.path.join(sys.argv[1], "semel-bench")))
    failed = [f"{what}: {wrong}" for what, wrong in done if wrong]
    print("\n".join(failed + [f"smoke: {len(done)} checks, {len(failed)} failed"]))
    return 1 if failed else 0


sys.exit(main())
