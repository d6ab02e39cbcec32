"""
What an embedded store of vectors costs: three of them beside each other, for `docs/decisions/040`.

    python scripts/compare_memory.py [--points 10000] [--size 384] [--only ours]

Each runs in a process of its own: seconds of CPU (user and system) to import, to put the points
in, and to open them again; CPU milliseconds of the ten nearest, and of those of one owner among
a hundred; megabytes of memory that the process came to. `qdrant-edge-py` is no dependency: a
store whose package is missing is named, and left out.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from typing import Any

QUERIES = 30
OWNERS = 100
PACKAGES = {
    "ours": "numpy",
    "blobs": "numpy",
    "edge": "qdrant_edge",
    "client": "qdrant_client",
}

type Near = Callable[[Any, str | None], list[int]]


def cpu() -> float:
    """Return the seconds of CPU that this process has used."""
    used = getrusage(RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rss() -> float:
    """Return the megabytes that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * 4096 / 1e6, 1)


def ours(folder: Path, vectors: Any, fill: bool) -> Near:
    """`portico.memory.local`: SQLite, and vectors in a file that is mapped."""
    import asyncio

    from portico.memory.base import Point, Space, ident
    from portico.memory.local import open_local

    runner = asyncio.Runner()
    opening = open_local(folder / "memory", {"text": Space(vectors.shape[1], "random")})
    memory = runner.run(opening.__aenter__())
    for at in range(0, len(vectors) if fill else 0, 500):
        points = [
            Point(
                id=ident(str(one), ""),
                artifact=str(one),
                chat="",
                at=0.0,
                readers=frozenset({f"o{one % OWNERS}", "all"}),
                vectors={"text": vectors[one]},
            )
            for one in range(at, min(at + 500, len(vectors)))
        ]
        runner.run(memory.put(points))

    def near(vector: Any, owner: str | None) -> list[int]:
        hits = runner.run(memory.near("text", vector, owner or "all", 10))
        return [int(hit.artifact) for hit in hits]

    vars(near)["opening"] = opening  # which closes what it opened once nobody holds it
    return near


def blobs(folder: Path, vectors: Any, fill: bool) -> Near:
    """Blobs in SQLite, read and compared by NumPy, 4096 rows at a time."""
    import sqlite3

    import numpy as np

    db = sqlite3.connect(folder / "memory.db")
    db.execute("CREATE TABLE IF NOT EXISTS points (id INTEGER PRIMARY KEY, owner, vector BLOB)")
    db.execute("CREATE INDEX IF NOT EXISTS owners ON points (owner)")
    if fill:
        rows = ((at, f"o{at % OWNERS}", one.tobytes()) for at, one in enumerate(vectors))
        with db:
            db.executemany("INSERT INTO points VALUES (?, ?, ?)", rows)

    def near(vector: Any, owner: str | None) -> list[int]:
        found: list[tuple[float, int]] = []
        where = ("WHERE owner = ?", (owner,)) if owner else ("", ())
        rows = db.execute(f"SELECT id, vector FROM points {where[0]}", where[1])
        while part := rows.fetchmany(4096):
            held = np.frombuffer(b"".join(row[1] for row in part), np.float32)
            scores = held.reshape(len(part), -1) @ vector
            best = np.argsort(-scores)[:10]
            found += [(float(scores[at]), part[at][0]) for at in best]
        return [ident for _, ident in sorted(found, reverse=True)[:10]]

    return near


def client_(folder: Path, vectors: Any, fill: bool) -> Near:
    """qdrant-client's local mode."""
    import warnings

    from qdrant_client import QdrantClient, models

    warnings.simplefilter("ignore")
    client = QdrantClient(path=str(folder / "local"))
    if fill:
        size = models.VectorParams(size=vectors.shape[1], distance=models.Distance.COSINE)
        client.create_collection("c", vectors_config=size)
        for at in range(0, len(vectors), 500):
            points = [
                models.PointStruct(
                    id=one, vector=vectors[one].tolist(), payload={"owner": f"o{one % OWNERS}"}
                )
                for one in range(at, min(at + 500, len(vectors)))
            ]
            client.upsert("c", points)

    def near(vector: Any, owner: str | None) -> list[int]:
        match = models.FieldCondition(key="owner", match=models.MatchValue(value=owner or ""))
        where = models.Filter(must=[match]) if owner else None
        found = client.query_points("c", query=vector.tolist(), query_filter=where, limit=10)
        return [int(point.id) for point in found.points]

    return near


def edge(folder: Path, vectors: Any, fill: bool) -> Near:
    """Qdrant's own engine in this process."""
    import qdrant_edge as q

    path = folder / "edge"
    if fill:
        path.mkdir()
        params = q.EdgeVectorParams(size=vectors.shape[1], distance=q.Distance.Cosine)
        shard = q.EdgeShard.create(str(path), q.EdgeConfig(vectors=params))
        for at in range(0, len(vectors), 500):
            points = [
                q.Point(one, vectors[one].tolist(), {"owner": f"o{one % OWNERS}"})
                for one in range(at, min(at + 500, len(vectors)))
            ]
            shard.update(q.UpdateOperation.upsert_points(points))
        shard.flush()
    else:
        shard = q.EdgeShard.load(str(path))

    def near(vector: Any, owner: str | None) -> list[int]:
        match = q.FieldCondition("owner", match=q.MatchValue(owner or ""))
        where = q.Filter(must=[match]) if owner else None
        query = q.Query.Nearest(vector.tolist())
        exact = q.SearchParams(exact=True)
        asked = q.QueryRequest(limit=10, query=query, filter=where, params=exact)
        return [int(point.id) for point in shard.query(asked)]

    return near


STORES = {"ours": ours, "blobs": blobs, "edge": edge, "client": client_}


def clocked(near: Near, queries: Any, owner: str | None) -> float:
    """Return the median CPU milliseconds of one query."""
    took = []
    for vector in queries:
        before = cpu()
        near(vector, owner)
        took.append(cpu() - before)
    return round(median(took) * 1000, 2)


def one(name: str, folder: Path, points: int, size: int, fill: bool) -> dict[str, float]:
    """Measure one store in this process; the second process of two opens what the first put."""
    import numpy as np

    random = np.random.default_rng(7)
    vectors = random.standard_normal((points, size)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = vectors[:QUERIES] + random.standard_normal((QUERIES, size)).astype(np.float32) * 0.02
    before, wall, began = rss(), time.perf_counter(), cpu()
    __import__(PACKAGES[name])
    imported, began = cpu() - began, cpu()
    near = STORES[name](folder, vectors, fill)
    opened = cpu() - began
    told = {"import_s": round(imported, 3), ("put_s" if fill else "open_s"): round(opened, 3)}
    if not fill:
        assert all(near(query, None)[0] == at for at, query in enumerate(queries))
        told |= {"near_ms": clocked(near, queries, None), "owner_ms": clocked(near, queries, "o7")}
        told |= {"more_mb": round(rss() - before, 1)}
    return told | {"wall_s": round(time.perf_counter() - wall, 2)}


def main() -> None:
    """Measure each store, in processes of its own."""
    given = argparse.ArgumentParser()
    given.add_argument("--points", type=int, default=10_000)
    given.add_argument("--size", type=int, default=384)
    given.add_argument("--only", choices=STORES)
    given.add_argument("--folder", type=Path)
    given.add_argument("--fill", action="store_true")
    asked = given.parse_args()
    if asked.folder:
        print(json.dumps(one(asked.only, asked.folder, asked.points, asked.size, asked.fill)))
        return
    for name in [asked.only] if asked.only else STORES:
        if find_spec(PACKAGES[name]) is None:
            print(f"{name}: {PACKAGES[name]} is not installed here, left out")
            continue
        with tempfile.TemporaryDirectory() as folder:
            told: dict[str, float] = {}
            for fill in (["--fill"], []):
                size = ["--points", str(asked.points), "--size", str(asked.size)]
                line = [sys.executable, __file__, *size, "--only", name, "--folder", folder, *fill]
                out = subprocess.run(line, check=True, capture_output=True, text=True).stdout
                told |= json.loads(out.splitlines()[-1])
            kept = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
            print(name, json.dumps(told | {"disk_mb": round(kept / 1e6, 1)}))


if __name__ == "__main__":
    main()
