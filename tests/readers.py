"""Reads exported files with the readers that people use, and prints what they counted. Run by tests/exports.rs in a folder with the files."""

import json
import os

import duckdb
import pyarrow.csv
import pyarrow.dataset
import pyarrow.json
import pyarrow.parquet
from jsonschema import Draft202012Validator


def count(query):
    return duckdb.sql(query).fetchall()[0][0]


def mistakes(schema_file, values):
    schema = json.load(open(schema_file))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    return [f"{list(e.path)}: {e.message[:200]}" for value in values for e in validator.iter_errors(value)]


def micros(stamp):
    """RFC 3339 in UTC as microseconds since 1970, which is what Parquet holds."""
    return None if stamp is None else duckdb.execute("select epoch_us(cast(? as timestamptz))", [stamp]).fetchone()[0]


def told_by(rows):
    """The signals of NDJSON in the columns of the Parquet table."""
    columns = ["node", "namespace", "pod", "container", "image", "digest", "workload"]
    return [
        [row["id"], row["signal"], micros(row.get("at"))]
        + [row["entities"].get(c) for c in columns]
        + [row["count"], row["evidence"][0]["path"], row["evidence"][0]["line"], row["evidence"][0]["sha256"]]
        for row in rows
    ]


PARQUET = """select "signal.id", signal, epoch_us("at"), "k8s.node.name", "k8s.namespace.name", "k8s.pod.name", "k8s.container.name",
    "container.image.name", "container.image.digest", workload, count, path, line, sha256 from 'signals.parquet'"""


def same_in_parquet(rows):
    by_duckdb = [list(row) for row in duckdb.sql(PARQUET).fetchall()]
    table = pyarrow.parquet.read_table("signals.parquet")
    by_pyarrow = [[i, s, None if at is None else at.timestamp()] for i, s, at in zip(*(table[c].to_pylist() for c in ["signal.id", "signal", "at"]))]
    told = told_by(rows)
    return by_duckdb == told and by_pyarrow == [[i, s, None if at is None else at / 1e6] for i, s, at, *_ in told]


def tables():
    """Rows of each table of the fleet: by DuckDB, through the views that our own statements make, and by pyarrow as a Hive dataset."""
    duckdb.execute(open("fleet.sql").read())
    counted = {}
    for line in open("tables.txt"):
        name, *columns = line.split()
        days = f"fleet/tables/{name}"
        dataset = pyarrow.dataset.dataset(days, format="parquet", partitioning="hive")
        by_pyarrow = dataset.to_table()
        by_duckdb = duckdb.sql(f"select * from {name}")
        assert columns + ["dt"] == by_duckdb.columns == by_pyarrow.column_names, (name, columns, by_duckdb.columns, by_pyarrow.column_names)
        order = '"incident.id", ' + ", ".join(f'"{c}"' for c in columns[1:])
        ours = duckdb.sql(f"select * exclude dt from {name} order by {order}").fetchall()
        theirs = duckdb.sql(f"select * exclude dt from by_pyarrow order by {order}").fetchall()
        assert ours == theirs, name
        counted[name] = len(ours)
    return counted


signals = [json.loads(line) for line in open("signals.ndjson")]
parquet = {}
if os.path.exists("signals.parquet"):  # not without the feature `batch`
    parquet = {
        "duckdb_parquet": count("select count(*) from 'signals.parquet'"),
        "same_in_parquet": same_in_parquet(signals),
        "tables": tables(),
    }
print(
    json.dumps(
        parquet
        | {
            "duckdb_ndjson": count("select count(*) from read_ndjson_auto('signals.ndjson') where \"at\" is not null or \"at\" is null"),
            "duckdb_failed_pulls": count("select count(*) from read_ndjson_auto('signals.ndjson') where signal = 'pull_failed'"),
            "duckdb_csv": count("select count(*) from read_csv('signals.csv', header = true, strict_mode = true)"),
            "duckdb_otlp": count("select cast(sum(len(resourceLogs[1].scopeLogs[1].logRecords)) as bigint) from read_ndjson_auto('signals.otlp.jsonl')"),
            "pyarrow_csv": pyarrow.csv.read_csv("signals.csv").num_rows,
            "pyarrow_ndjson": pyarrow.json.read_json("signals.ndjson").num_rows,
            "schema_mistakes": mistakes("report.schema.json", [json.load(open("report.json"))]) + mistakes("signals.schema.json", signals),
        }
    )
)
