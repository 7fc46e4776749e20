"""remote_file.py ROOT BIN: plays examples/remote-file/README.md: the server is killed and restarted under the reader.

Ports differ from run to run and are left out of the comparison; every other character counts.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import loopback

TIMEOUT_S = 60


def transcript(readme):
    """The output of each command in the console blocks."""
    blocks = re.findall(r"```console\n\$ [^\n]*\n(.*?)```", readme.read_text(encoding="utf-8"), re.S)
    return [loopback.normal(block) for block in blocks]


def start_server(binaries, folder, uri):
    server = subprocess.Popen([binaries / "remote-file-server", uri], cwd=folder, stdout=subprocess.PIPE, text=True)
    return server, server.stdout.readline()


def stop(process):
    process.kill()
    process.wait(TIMEOUT_S)
    process.stdout.close()


def read(binaries, folder, between):
    """What the server says first, what a reader prints, and its complaints; between: done before the restart."""
    server, listening = start_server(binaries, folder, loopback.any_port())
    uri = listening.split()[1]
    client = subprocess.Popen(
        [binaries / "remote-file-client", uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )
    try:
        printed = client.stdout.readline()
        client.stdin.write("\n")
        client.stdin.flush()
        printed += client.stdout.readline()
        stop(server)
        between()
        server, _ = start_server(binaries, folder, uri)
        rest, complaints = client.communicate("\n\n\n", TIMEOUT_S)
    finally:
        client.kill()
        stop(server)
    return loopback.normal(listening), printed + rest, complaints


def main():
    root, binaries = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    example = root / "examples/remote-file"
    with tempfile.TemporaryDirectory() as folder:
        poem = pathlib.Path(folder) / "poem.txt"
        shutil.copy(example / "poem.txt", poem)
        listening, printed, complaints = read(binaries, folder, lambda: None)
        expected = transcript(example / "README.md")
        if [listening, printed] != expected or complaints:
            print(f"expected:\n{expected}\ngot:\n{[listening, printed]}\n{complaints}")
            return 1
        _, printed, complaints = read(binaries, folder, poem.unlink)
        if "recoveries: 1" not in printed or "the recovery function gave up" not in complaints:
            print(f"a recovery that fails prints:\n{printed}\n{complaints}")
            return 1
    print("remote-file: the transcript is true")
    return 0


sys.exit(main())
