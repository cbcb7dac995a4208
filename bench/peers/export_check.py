"""What others read in an exported folder: rows by pyarrow, by Hugging Face's datasets and by mlcroissant, as JSON on stdout."""
import json
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"


def plain(value):
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def by_pyarrow(folder):
    import pyarrow.parquet as pq

    files = json.load(open(os.path.join(folder, "loam-export.json")))["files"]
    rows = {}
    for f in files:
        table = pq.read_table(os.path.join(folder, f["path"]))
        rows.setdefault(f["split"], []).extend(table.to_pylist())
    return rows


def by_datasets(folder, cache):
    import datasets

    datasets.disable_progress_bars()
    rows = {}
    for config in datasets.get_dataset_config_names(folder):
        for split, part in datasets.load_dataset(folder, config, cache_dir=cache).items():
            rows[str(split)] = [dict(r) for r in part]
    return rows


def by_croissant(folder):
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=os.path.join(folder, "croissant.json"))
    rows = {}
    for record_set in dataset.metadata.record_sets:
        split = record_set.id.rsplit("-", 1)[0]
        found = dataset.records(record_set=record_set.id)
        rows.setdefault(split, []).extend({k.split("/", 1)[1]: plain(v) for k, v in r.items()} for r in found)
    return rows, list(dataset.metadata.ctx.issues.errors)


with tempfile.TemporaryDirectory() as cache:
    croissant, errors = by_croissant(sys.argv[1])
    json.dump(
        {"pyarrow": by_pyarrow(sys.argv[1]), "datasets": by_datasets(sys.argv[1], cache), "croissant": croissant, "errors": errors},
        sys.stdout,
    )
