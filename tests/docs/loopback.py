"""An address for what listens in a test: a server that is killed and comes back at its port must find it free.

It must not know who listens.  Reads best next: call_back.py.
"""
import os
import re


def any_port():
    """A loopback address of this process's own, any port: nobody else listens there, nor dials from there."""
    pid = os.getpid()  # of 22 bits
    return f"tcp://127.{64 + (pid >> 16)}.{pid >> 8 & 255}.{pid & 255}:0"


def normal(text):
    """With the same word for every loopback address and port."""
    return re.sub(r"127\.\d+\.\d+\.\d+:\d+", "127.0.0.1:PORT", text)
