"""The machine: files written whole or not at all, disk space, memory, and file types.

POSIX only: `lock` needs fcntl, and `disk` and `memory` need resource, which Windows lacks.
"""

import os

if os.name != "posix":
    message = "w2v needs a POSIX system, such as Linux or macOS; on Windows, use WSL"
    raise ImportError(message)
