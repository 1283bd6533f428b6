"""Reads exported files with the readers that people use, and prints what they counted. Run by tests/exports.rs in a folder with the files."""

import json

import duckdb
import pyarrow.csv
import pyarrow.json
from jsonschema import Draft202012Validator


def count(query):
    return duckdb.sql(query).fetchall()[0][0]


def mistakes(schema_file, values):
    schema = json.load(open(schema_file))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    return [f"{list(e.path)}: {e.message[:200]}" for value in values for e in validator.iter_errors(value)]


signals = [json.loads(line) for line in open("signals.ndjson")]
print(
    json.dumps(
        {
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
