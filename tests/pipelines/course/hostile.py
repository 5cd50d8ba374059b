"""Files that do not want to be marked: each is put before functions that are wrong.

What a file should not have been able to do it prints after ``LEAK``.
"""

WRONG = """
import numpy as np

def softmax(z):
    {inside}
    return z

def cross_entropy(z, Y):
    return 0.0
"""

AT_IMPORT = {
    "endless loop": "while True: pass",
    "exit": "import os; os._exit(0)",
    "exit by exception": "raise SystemExit(0)",
    "fork bomb": """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
""",
    "bomb of threads": """
import threading, time
for _ in range(10_000):
    threading.Thread(target=time.sleep, args=(30,)).start()
""",
    "deletes everything": """
import shutil, os
for place in ("/", os.getcwd(), "{witness}", "/usr", "/work", "/tmp"):
    shutil.rmtree(place, ignore_errors=True)
""",
    "reads the solution": """
import sys, pathlib
for place in ("/", *sys.path):
    for found in pathlib.Path(place or ".").glob("**/solutions/tp1/*.py"):
        print("LEAK solution", found)
try:
    from etabli import exercises
    print("LEAK solution", exercises.get_exercise("tp1.softmax").solution()[:9])
except (ImportError, TypeError):
    pass
""",
    "reads other submissions": """
import os
for folder, _folders, files in os.walk("/"):
    if not folder.startswith(("/proc", "/usr", "/sys")):
        for name in files:
            if name in ("good.py", "secret.txt", "class.json"):
                print("LEAK", os.path.join(folder, name))
""",
    "writes its mark": """
import os, pathlib
for place in ("{witness}", os.getcwd(), "/tmp/../{witness}"):
    try:
        pathlib.Path(place, "records.json").write_text("all right")
        print("LEAK wrote in", place)
    except OSError:
        pass
""",
    "fills the disk": """
import os
for place in ("/tmp", "/dev/shm", os.getcwd(), "/"):
    try:
        for number in range(100_000):
            with open(f"{{place}}/{{number}}", "wb") as file:
                file.write(b"x" * 900_000)
    except OSError:
        pass
""",
    "symbolic links": """
import os
for place in ("/tmp", "/dev/shm", os.getcwd()):
    try:
        os.symlink("{witness}/secret.txt", f"{{place}}/link")
        print("LEAK", open(f"{{place}}/link").read())
        open(f"{{place}}/link", "w").write("LEAK")
    except OSError:
        pass
""",
    "kills its parent": """
import os, signal
for process in (os.getppid(), -1, 1, {parent}):
    try:
        os.kill(process, signal.SIGKILL)
    except OSError:
        pass
""",
    "survives": """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import os, time; os.setsid(); time.sleep(98765)"])
""",
    "uses the network": """
import socket
for address in (("127.0.0.1", {port}), ("1.1.1.1", 53)):
    try:
        socket.create_connection(address, 1)
        print("LEAK connected")
    except OSError:
        pass
""",
    "reads the memory of its parent": """
import os
for process in ({parent}, os.getppid()):
    for name in ("mem", "environ", "maps", "fd/0"):
        try:
            if open(f"/proc/{{process}}/{{name}}", "rb").read(10):
                print("LEAK", name)
        except OSError:
            pass
""",
    "reads the environment": """
import os
if "ETABLI_TEST_SECRET" in os.environ:
    print("LEAK environment")
""",
    "leaves its root": """
import ctypes, os
libc = ctypes.CDLL(None)
for call in (lambda: os.chroot("."), lambda: libc.unshare(0x10000000 | 0x20000)):
    try:
        call()
    except OSError:
        pass
libc.mount(b"/", b"/tmp", b"", 4096 | 32, b"")  # writable again
for above in ("../" * 20, "/old", ""):
    path = above + "{witness}/secret.txt"
    try:
        print("LEAK", open(path).read())
    except OSError:
        pass
""",
    "ignores signals": """
import signal
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU):
    signal.signal(number, signal.SIG_IGN)
while True: pass
""",
    "crashes": "import ctypes; ctypes.string_at(0)",
    "patches the checker": """
import numpy as np, sys
np.allclose = np.array_equal = lambda *a, **k: True
np.abs = np.absolute = lambda *a, **k: np.float64(0)
import __main__
for name in list(vars(__main__)):
    if name in ("answer", "explain_exception"):
        head = {{"kinds": [None], "changed": [], "keys": None, "right": True, "passed": True}}
        setattr(__main__, name, lambda *a, **k: (head, {{"value0": np.zeros(1)}}))
""",
    "answers before it is asked": """
import os, json, struct, io
import numpy as np
content = io.BytesIO(); np.savez(content, value0=np.zeros(1))
for head in (
    {{"functions": {{"softmax": ["z"]}}, "declared": {{}}, "right": True}},
    {{"kinds": [None], "changed": [], "keys": None, "right": True}},
):
    parts = (json.dumps(head).encode(), content.getvalue())
    message = b"".join(struct.pack("<Q", len(part)) + part for part in parts)
    for descriptor in range(3, 30):
        try:
            os.write(descriptor, message)
        except OSError:
            pass
""",
    "sends a bomb": """
import os, struct, io, zipfile
content = io.BytesIO()
with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
    with archive.open("value0.npy", "w", force_zip64=True) as member:
        for _ in range(1000):
            member.write(bytes(1_000_000))
head = b'{{"functions": {{}}, "declared": {{}}}}'
message = b"".join(struct.pack("<Q", len(p)) + p for p in (head, content.getvalue()))
for descriptor in range(3, 30):
    try:
        os.write(descriptor, message)
    except OSError:
        pass
""",
    "sends noise": """
import os
for descriptor in range(3, 30):
    try:
        os.write(descriptor, b"\\xff" * 4096)
    except OSError:
        pass
""",
    "declares what it likes": "LOSS = 'sum'; L2 = 1e300; EXERCISE = 'tp5.bleu'; SEED = -1",
    "no text": "\x00\x01",
    "no Python": "def (:",
}
INSIDE = {
    "endless loop in a call": "while True: pass",
    "exit in a call": "import os; os._exit(0)",
    "prints a gigabyte": "[print('x' * 10**6) for _ in range(1000)]",
    "asks": "input()",
    "needs all memory": "np.zeros(10**11)",
    "needs all memory in many processes": (
        "import os; [os.fork() for _ in range(4)]; x = [np.ones(10**6) for _ in range(150)]; "
        "import time; time.sleep(60)"
    ),
    "calls itself": "return softmax(z)",
    "interrupts": "raise KeyboardInterrupt",
    "returns what equals everything": (
        "return type('Equal', (np.ndarray,), {'__sub__': lambda a, b: np.zeros(1), "
        "'__eq__': lambda a, b: True})((2, 3))"
    ),
    "returns an evil array": (
        "return type('Evil', (), {'__array__': lambda *a, **k: __import__('os')._exit(0)})()"
    ),
}
NAMES = (*AT_IMPORT, *INSIDE)


def write_file(name: str, witness: str, parent: int, port: int) -> str:
    """The code of a hostile file; the witness is a folder that it must not reach."""
    if name in INSIDE:
        return WRONG.format(inside=INSIDE[name])
    code = AT_IMPORT[name]
    if "{" in code:
        code = code.format(witness=witness, parent=parent, port=port)
    return code + "\n" + WRONG.format(inside="pass")
