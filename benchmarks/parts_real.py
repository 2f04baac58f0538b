"""What is measured on real tables, and with a running daemon, beside an earlier commit in the same run."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import before, sink, way
from benchmarks.measure import Contest, Way, python
from benchmarks.parts import LIMIT_OF_DEFLATE, MB, Part, Plan, delivery, shell, size_of
from benchmarks.real import TABLES

_TOTALS = (75, 342)
"""MB of a delivery of flights, both files together."""
_SMALL = (10_000, MB, 10 * MB)
_MANY, _EACH = 1_000, 100_000


def real(plan: Plan) -> Iterator[Contest]:
    """Real tables: the checks alone, the checks and the zip, and a running daemon's whole way."""
    earlier = before.tree_of(plan.before, plan.kept)
    with sink.running() as address:
        for name in plan.tables:
            with delivery(plan, name, plan.size) as folder:
                made = plan.folder / "made.zip"
                files = [folder / f"{each}_src" / f"{each}.csv" for each in ("train", "eval")]
                yield Contest(
                    name,
                    size_of(folder),
                    (
                        Way("vendor's script", python("vendor", "deliver", folder, made, address), made),
                        Way("retraind: the checks alone", python("ours", "check", folder)),
                        Way("before: the checks alone", before.python(earlier, "ours", "check", folder)),
                        Way("retraind: checks and zip", python("ours", "pack", folder, made, "fast"), made),
                        *_ways_to_stored(folder, address, earlier),
                        Way(LIMIT_OF_DEFLATE, python("limits", "deflate", *files)),
                        Way("the csv module", python("limits", "csv", *files)),
                    ),
                )


def stored(plan: Plan) -> Iterator[Contest]:
    """A running daemon with deliveries of flights, from the marker to the last byte in the object store."""
    earlier = before.tree_of(plan.before, plan.kept)
    with sink.running() as address:
        for total in _TOTALS:
            with delivery(plan, "flights", total * MB * 5 // 6) as folder:
                made = plan.folder / "made.zip"
                files = [folder / f"{each}_src" / f"{each}.csv" for each in ("train", "eval")]
                zipped = f"cd '{folder}'; zip -q -1 -r '{made}' train_src eval_src"
                yield Contest(
                    f"flights, {total} MB",
                    size_of(folder),
                    (
                        Way("vendor's script", python("vendor", "deliver", folder, made, address), made),
                        *_ways_to_stored(folder, address, earlier),
                        Way("retraind: checks and zip", python("ours", "pack", folder, made, "fast"), made),
                        Way(LIMIT_OF_DEFLATE, python("limits", "deflate", *files)),
                        shell(
                            "zip -1, curl",
                            f"{zipped}; curl -sSf -o /dev/null -T '{made}' {address}/store",
                            ("zip", "curl"),
                            made,
                        ),
                    ),
                )


def _ways_to_stored(folder: Path, address: str, earlier: Path, how: str = "marker") -> Iterator[Way]:
    for name, tree in (("retraind", before.ROOT), ("before", earlier)):
        yield Way(f"{name}: {how} to stored", python("stored", how, folder, address, tree))


def sizes(plan: Plan) -> Iterator[Contest]:
    """A running daemon with small deliveries: from the marker, and from the rename without `settle`."""
    earlier = before.tree_of(plan.before, plan.kept)
    with sink.running() as address:
        for size in _SMALL:
            with delivery(plan, "flights", size) as folder:
                ways = (_ways_to_stored(folder, address, earlier, how) for how in ("marker", "rename"))
                yield Contest(f"flights, {size / 1e6:g} MB", size_of(folder), [*next(ways), *next(ways)])


def ways(plan: Plan) -> Iterator[Contest]:
    """What each part of a byte's way costs by itself, and all of it together."""
    with sink.running() as address:
        for name in ("flights", "Bundesliga"):
            with delivery(plan, name, plan.size) as folder:
                path, made = folder / "train_src" / "train.csv", plan.folder / "made.zip"
                yield Contest(
                    name,
                    path.stat().st_size,
                    [Way(what, python("way", part, path, address)) for part, what in way.PARTS.items()],
                )
                yield Contest(
                    f"{name}, the two files of a delivery",
                    size_of(folder),
                    [
                        Way("checks and zip", python("ours", "pack", folder, made, "fast"), made),
                        Way("drop folder to uploaded", python("ours", "deliver", folder, address, "fast")),
                    ],
                )


def thousand(plan: Plan) -> Iterator[Contest]:
    """A running daemon with a thousand deliveries of one model, each trained as soon as it is stored."""
    earlier = before.tree_of(plan.before, plan.kept)
    with sink.running("trains") as address, delivery(plan, "flights", _EACH) as folder:
        yield Contest(
            f"{_MANY:,} of {_EACH / 1e6:g} MB",
            _MANY * size_of(folder),
            [
                Way(f"{name}: rename to filed", python("stored", "many", folder, address, tree, _MANY))
                for name, tree in (("retraind", before.ROOT), ("before", earlier))
            ],
        )


PARTS: dict[str, Part] = {"real": real, "stored": stored, "sizes": sizes, "ways": ways, "thousand": thousand}
USUAL = ("real", "stored", "sizes", "ways")
ALL_TABLES = tuple(TABLES)
