"""Starts, watches and kills the programs of a test; waits for lines and for ends, never for a time.

It must not know what a test checks.  Reads best next: books.py, story.py.
"""
import itertools
import os
import pathlib
import queue
import signal
import subprocess
import sys
import tempfile
import threading

SILENCE_S = 60  # a program that should say something and is silent for longer is stuck
ALL_S = 500  # a test that takes longer is stuck, and what it started must go; ctest would leave that behind


class Failure(Exception):
    """What went wrong, for a person."""


def expect(true, what):
    if not true:
        raise Failure(what)


class Program:
    """One process whose lines are read as they come."""

    def __init__(self, command):
        self.name = pathlib.Path(command[0]).name
        self.lines = []
        self.complaints = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.complaints, text=True)
        self.coming = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.coming.put(line.rstrip("\n"))
        self.coming.put(None)

    def next_line(self):
        """The next line, or None at the end of its output."""
        try:
            line = self.coming.get(timeout=SILENCE_S)
        except queue.Empty:
            raise Failure(f"{self.name} fell silent after {self.lines[-3:]}; {self.complained()}") from None
        if line is not None:
            self.lines.append(line)
        return line

    def await_line(self, start):
        """Reads on until a line starts so."""
        while (line := self.next_line()) is not None:
            if line.startswith(start):
                return line
        raise Failure(f"{self.name} ended before it said \"{start}\": {self.lines[-3:]}; {self.complained()}")

    def end(self):
        """Reads all it has to say, waits for its end, and returns the exit status."""
        while self.next_line() is not None:
            pass
        code = self.process.wait(SILENCE_S)
        self.process.stdout.close()
        return code

    def kill(self):
        """The plug is pulled, and it is gone when this returns."""
        self.process.kill()
        self.end()

    def complained(self):
        self.complaints.seek(0)
        return self.complaints.read()

    def clear(self):
        if self.process.poll() is not None:
            return
        if self.name == "worker":
            self.process.terminate()  # it takes its test with it
        else:
            self.process.kill()
        self.process.wait(SILENCE_S)


def open_gate(path):
    """Lets the test go on that waits at the gate; waits until there is one."""
    with open(path, "w", encoding="ascii"):
        pass


ports = itertools.count(20000)


def own_host():
    """A loopback address of this process's own: nobody else listens or dials there, whether the server is up or down."""
    pid = os.getpid()  # of 22 bits
    return f"127.{64 + (pid >> 16)}.{pid >> 8 & 255}.{pid & 255}"


class Scene:
    """A folder, a list of tasks, one server after the other at the same port, and workers."""

    def __init__(self, binaries, folder, tasks):
        self.binaries, self.folder = binaries, pathlib.Path(folder)
        self.host = own_host()
        self.uri = f"tcp://{self.host}:{next(ports)}"
        self.state = self.folder / "state"
        self.programs = []
        (self.folder / "tasks").write_text("".join(f"{line}\n" for line in tasks))

    def start(self, name, *options):
        program = Program([self.binaries / name, *options])
        self.programs.append(program)
        return program

    def server(self, *options):
        server = self.start("worker-server", "--listen", self.uri, "--tasks", self.folder / "tasks",
                            "--state", self.state, *options)
        server.await_line("listening")
        return server

    def cutter(self, *options):
        """A wire-cutter before the server, and where it listens."""
        cutter = self.start("wire-cutter", "--listen", f"{self.host}:0", "--to", self.uri.removeprefix("tcp://"), *options)
        return cutter, cutter.await_line("listening").split(" ")[1]

    def worker(self, name, *options, to=None):
        return self.start("worker", "--to", to or self.uri, "--folder", self.folder / name, "--name", name,
                          "--journal", self.folder / f"{name}.journal", *options)

    def gate(self, name):
        """A pipe for a test to wait at: 'cat PATH' goes on when it is opened."""
        path = self.folder / name
        os.mkfifo(path)
        return path

    def close(self):
        for program in self.programs:
            program.clear()


def too_long(signal_number, frame):
    raise Failure("it takes too long")


def play(test, tasks, all_s=ALL_S):
    """Runs test(scene) with tasks(folder) as its list, for all_s at most; exit status 0 if it passes."""
    binaries = pathlib.Path(sys.argv[1]).resolve()
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(all_s)
    os.environ.pop("SEMEL_CONFIG", None)  # a test shows what it says, not what this machine is set to
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(binaries, folder, tasks(pathlib.Path(folder)))
        try:
            test(scene)
        except Failure as failure:
            print(f"FAILED: {failure}")
            return 1
        finally:
            scene.close()
    print("passed")
    return 0
