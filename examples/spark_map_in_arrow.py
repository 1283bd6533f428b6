"""Reads incidents on a Spark cluster and writes the tables of a fleet as Parquet: one `rootline worker` for each task.

    spark-submit examples/spark_map_in_arrow.py MANIFEST OUT [TASKS]

It needs pyarrow and pandas beside Spark. MANIFEST is a text file with one path a line, absolute, as all executors see it; `rootline` must be on the PATH of every executor, or at $ROOTLINE.
A worker that fails fails its task, and Spark runs it again. The columns are asked from `rootline batch schema`, so they are those of `rootline batch`.
"""

import json
import os
import re
import subprocess
import sys
import threading

from pyspark.sql import SparkSession
from pyspark.sql.functions import coalesce, col, date_format, from_json, lit, to_utc_timestamp

ROOTLINE = os.environ.get("ROOTLINE", "rootline")


def run(batches):
    """One task: paths into a worker, its rows out, as (table, row as JSON)."""
    import pyarrow as pa

    worker = subprocess.Popen([ROOTLINE, "worker", "-q"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def feed():
        for batch in batches:
            for path in batch.column(0).to_pylist():
                worker.stdin.write((path + "\n").encode())
        worker.stdin.close()

    # A thread of its own: with both pipes full, each side would wait for the other.
    feeder = threading.Thread(target=feed)
    feeder.start()
    held = []

    def flush():
        batch = pa.RecordBatch.from_pydict({"table": [t for t, _ in held], "row": [r for _, r in held]})
        held.clear()
        return batch

    for line in worker.stdout:
        text = line.decode().rstrip("\n")
        held.append((json.loads(text)["table"], text))
        if len(held) >= 10_000:
            yield flush()
    if held:
        yield flush()
    feeder.join()
    if worker.wait() != 0:
        raise RuntimeError(f"rootline worker ended with {worker.returncode}")


def schemas():
    """Table → columns, from the statements that Rootline prints for Spark."""
    ddl = subprocess.run([ROOTLINE, "batch", "schema", "--ddl", "spark"], check=True, capture_output=True, text=True).stdout
    tables = {}
    for name, body in re.findall(r"CREATE TABLE (\w+) \(\n(.*?)\n\) USING", ddl, re.S):
        tables[name] = [line.strip().rstrip(",") for line in body.splitlines() if not line.strip().startswith("dt ")]
    return tables


def main():
    manifest, out = sys.argv[1:3]
    tasks = int(sys.argv[3]) if len(sys.argv) > 3 else 64
    spark = SparkSession.builder.appName("rootline").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    # The same bytes as elsewhere: a moment is a moment, and a day is one of UTC.
    spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    spark.conf.set("spark.sql.parquet.compression.codec", "zstd")
    paths = spark.read.text(manifest).where("value <> '' and not value like '#%'").distinct().repartition(tasks)
    rows = paths.mapInArrow(run, "table string, row string").persist()
    tables = schemas()
    parsed = {
        name: rows.where(col("table") == name).select(from_json("row", ", ".join(columns)).alias("r")).select("r.*")
        for name, columns in tables.items()
    }
    days = parsed["incidents"].select(
        col("`incident.id`").alias("incident"),
        coalesce(date_format(to_utc_timestamp(col("from"), "UTC"), "yyyy-MM-dd"), lit("__HIVE_DEFAULT_PARTITION__")).alias("dt"),
    )
    for name, table in parsed.items():
        # A join by a name without dots: Spark takes those of OpenTelemetry for paths.
        dated = table.withColumn("incident", col("`incident.id`")).join(days, "incident").drop("incident")
        dated.write.mode("overwrite").partitionBy("dt").parquet(f"{out}/{name}")
        print(name, dated.count())
    spark.stop()


main()
