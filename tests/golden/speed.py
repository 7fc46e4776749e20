#!/usr/bin/env python3
"""Holds that 100 services of 10 methods take the plugin, and semelc beside nanopb, no more CPU time than they may.

    speed.py SEMELC PROTOC_GEN_SEMEL CPU_SECONDS MEGABYTES

CPU_SECONDS bounds the CPU time (user and system, so that a busy machine does not matter) of the plugin, and what semelc
takes beyond nanopb's generator alone; MEGABYTES bounds the memory of the plugin, 0: not at all.  Builds with sanitizers
are slow and large: the build gives them 10 seconds and no bound on memory, others 1 second and 100 megabytes.
"""
import os
import pathlib
import resource
import subprocess
import sys
import tempfile


def write_proto(path):
    lines = ['syntax = "proto3";', "package big;", 'import "semel/options.proto";',
             "message In { string text = 1; In next = 2; }", "message Out { repeated int64 numbers = 1; }"]
    for i in range(100):
        lines += [f"// Service {i}.", f"service S{i} {{", '  option (semel.service) = { deadline: "2s" };']
        for j in range(10):
            lines += [f"  // Method {j}.", f"  rpc M{j}(In) returns (Out) {{",
                      f"    option (semel.method) = {{ retry_intervals_ms: [ 0, {j} ] }};", "  }"]
        lines += ["}"]
    path.write_text("\n".join(lines) + "\n")


def cpu_of(argv, **options):
    """Runs argv; its CPU seconds, those of its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, check=True, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def peak_of(argv, stdin):
    """Runs argv alone in a process of its own; its peak memory in megabytes."""
    script = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    with open(stdin, "rb") as source:
        done = subprocess.run([sys.executable, "-c", script, *argv], stdin=source, stdout=subprocess.PIPE, check=True)
    return int(done.stdout) / 1024


def main():
    semelc, plugin = (os.path.realpath(path) for path in sys.argv[1:3])
    cpu_bound, memory_bound = float(sys.argv[3]), float(sys.argv[4])
    protos = pathlib.Path(semelc).parent.parent / "share" / "semel"
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        write_proto(work / "big.proto")
        keep = work / "protoc-gen-keep"  # what it answers says that it knows proto3's optional
        keep.write_text(f"#!/bin/sh\ncat >'{work}/request'\nprintf '\\020\\001'\n")
        keep.chmod(0o755)
        protoc = ["protoc", "-I", folder, "-I", str(protos)]
        subprocess.run([*protoc, f"--plugin={keep}", f"--keep_out={folder}", str(work / "big.proto")], check=True)
        with open(work / "request", "rb") as request, open(work / "answer", "wb") as answer:
            alone = cpu_of([plugin], stdin=request, stdout=answer)
        memory = peak_of([plugin], work / "request")
        (work / "big.options").write_text("big.In.next type:FT_POINTER\n")
        nanopb = cpu_of([*protoc, "--nanopb_opt=-sfallback_type:FT_POINTER", f"--nanopb_opt=-I{folder}",
                         f"--nanopb_out={folder}", str(work / "big.proto")])
        (work / "big.options").unlink()
        whole = cpu_of([semelc, "-o", str(work / "out"), str(work / "big.proto")])
        made = (work / "out" / "big.semel.c").stat().st_size
    print(f"protoc-gen-semel: {alone:.3f} s of CPU, {memory:.0f} MB; nanopb alone: {nanopb:.3f} s; "
          f"semelc: {whole:.3f} s for {made} bytes of big.semel.c")
    assert made > 500_000, "not all of the methods were made"
    assert alone <= cpu_bound, f"the plugin took more than {cpu_bound} s"
    assert memory_bound == 0 or memory <= memory_bound, f"the plugin took more than {memory_bound} MB"
    assert whole - nanopb <= cpu_bound, f"semelc took more than {cpu_bound} s beyond nanopb's generator"


main()
