"""Run Python on an emulated 64-bit Arm processor with RusTorch cross-compiled for it.

``python tests/tools/emulated.py FOLDER -m pytest ...`` makes, in the folder, what the emulation needs: Debian's
packages of that Python and its libraries, unpacked and not installed; wheels of NumPy and the test tools; the
distributions of this repository.  Then it runs the command line with qemu's user-mode emulation, so that the very
tests of this machine run there too.  What was made before and is still current is used again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRIPLE = "aarch64-linux-gnu"
COMMANDS = {
    f"{TRIPLE}-gcc": f"gcc-{TRIPLE} libc6-dev-arm64-cross",
    "qemu-aarch64": "qemu-user",
    "apt-get": "",
    "dpkg-deb": "",
}
PACKAGES = ("python3", "libpython3-dev", "libstdc++6", "libc6")
WHEELS = (
    "numpy",
    "scipy",
    "cffi",
    "pluggy",
    "ml_dtypes",
    "safetensors",
    "pytest",
    "hypothesis",
    "typing_extensions",
)
DISTRIBUTIONS = ("rustorch_core", "backends/reference", "backends/cpu", ".")


def main() -> None:
    """Prepare the folder and replace this process by the emulator."""
    require_commands()
    folder = Path(sys.argv[1]).resolve()
    system = unpack_system(folder / "system")
    python = make_environment(folder / "venv", system)
    install_wheels(folder / "venv", system)
    install_distributions(folder, system)
    os.execv(python, [str(python), *sys.argv[2:]])


def require_commands() -> None:
    """Exit with the command that installs what is missing."""
    missing = [name for name in COMMANDS if not shutil.which(name)]
    if not missing:
        return
    packages = " ".join(COMMANDS[name] for name in missing if COMMANDS[name])
    hint = f"; `apt-get install {packages}`" if packages else "; this needs Debian or Ubuntu"
    sys.exit(f"emulated: {', '.join(missing)} not found{hint}")


def unpack_system(system: Path) -> Path:
    """Unpack Debian's arm64 packages into a folder: a root for the emulator, which changes nothing here."""
    if (system / "complete").exists():
        return system
    state = system / "apt"
    for part in ("lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True, exist_ok=True)
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": "/dev/null",  # as if nothing were installed
        "Dir::Cache": state / "cache",
    }
    apt = ["apt-get", "-qq", *(part for key, value in settings.items() for part in ("-o", f"{key}={value}"))]
    run(*apt, "update")
    run(*apt, "install", "--yes", "--no-install-recommends", "--download-only", *PACKAGES)
    for archive in sorted((state / "cache/archives").glob("*.deb")):
        run("dpkg-deb", "-x", archive, system)
    (system / "complete").touch()
    return system


def version_of(system: Path) -> str:
    """Return the version of the unpacked Python, such as 3.11."""
    return next((system / "usr/include").glob("python3.*")).name.removeprefix("python")


def make_environment(venv: Path, system: Path) -> Path:
    """Make a virtual environment whose `python` is the emulator, so that tests can start `sys.executable`."""
    home = system / "usr/bin"
    python = venv / "bin/python"
    python.parent.mkdir(parents=True, exist_ok=True)
    (venv / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
    interpreter = home / f"python{version_of(system)}"
    python.write_text(
        f'#!/bin/sh\nexec env QEMU_LD_PREFIX={system} qemu-aarch64 -0 {python} {interpreter} "$@"\n'
    )
    python.chmod(0o755)
    return python


def site_packages(venv: Path, system: Path) -> Path:
    """Return the folder that the emulated Python imports from."""
    return venv / f"lib/python{version_of(system)}/site-packages"


def install_wheels(venv: Path, system: Path) -> None:
    """Install NumPy and the test tools, as published for that processor."""
    site, version = site_packages(venv, system), version_of(system)
    installed, wanted = site / "wheels.txt", "\n".join(WHEELS)
    if installed.exists() and installed.read_text() == wanted:
        return
    platforms = ("manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in (17, 24, 27, 28, 34)))
    run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", site),
        *("--only-binary", ":all:"),
        *(part for platform in platforms for part in ("--platform", platform)),
        *("--implementation", "cp", "--python-version", version, *WHEELS),
    )
    installed.write_text(wanted)


def install_distributions(folder: Path, system: Path) -> None:
    """Build wheels of this repository with the cross compiler, and unpack them where the emulated Python looks.

    The build runs with the setuptools and cffi of this Python: an isolated one would get those of the other processor.
    """
    wheels = folder / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    include = system / "usr/include"
    cross = {
        # its own Python.h comes before the one of this machine
        "CC": f"{TRIPLE}-gcc -I{include}/python{version_of(system)} -I{include}",
        "SETUPTOOLS_EXT_SUFFIX": ".so",
        "_PYTHON_HOST_PLATFORM": "linux-aarch64",
    }
    for name in DISTRIBUTIONS:
        for gathered in (ROOT / name).glob("build/lib*"):
            shutil.rmtree(gathered)
    paths = [ROOT / name for name in DISTRIBUTIONS]
    pip = (
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        wheels,
    )
    run(*pip, *paths, env={**os.environ, **cross})
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site_packages(folder / "venv", system))


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a command; exit as it did if it fails."""
    done = subprocess.run([str(part) for part in command], env=env, check=False)
    if done.returncode:
        sys.exit(f"emulated: {command[0]} failed with status {done.returncode}")


if __name__ == "__main__":
    main()
