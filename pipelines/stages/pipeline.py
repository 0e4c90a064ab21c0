"""The Beam pipeline of a run: measure -> match -> write -> commit.

Where boilerplate is taken out, measuring waits until all shards were read and their lines counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam

from castor.pipelines.job import Job, load_job
from castor.pipelines.stages import boilerplate, match, measure
from castor.pipelines.stages.commit import Commit
from castor.pipelines.stages.write import Write

Pair = tuple[int, int]
Packed = tuple[int, bytes]


def build(pipeline: beam.Pipeline, job: Job, todo: Iterable[int], done: Iterable[int]) -> None:
    """Adds the steps of a run to a pipeline.

    Args:
        pipeline: an empty pipeline of any runner.
        job: the resolved run.
        todo: numbers of the shards that must be measured.
        done: numbers of the shards whose measured file is there and up to date; where boilerplate
            is taken out, those whose file of rows as read is.
    """
    path = job.save()
    read = _create(pipeline, "Shards to read", todo) | "Read" >> beam.ParDo(
        measure.Read(path)
    ).with_output_types(measure.Batch)
    if job.recipe.boilerplate:
        batches, before = _trimmed(pipeline, read, path, done)
    else:
        batches, before = read, _create(pipeline, "Shards measured before", done)
    measured = (
        batches
        | "Rewrite" >> beam.ParDo(measure.Rewrite(path)).with_output_types(measure.Batch)
        | "Annotate" >> beam.ParDo(measure.Annotate(path)).with_output_types(measure.Batch)
        | "Store" >> beam.ParDo(measure.Store(path)).with_output_types(Pair)
    )  # (shard number, 0)
    ready = (
        (measured, before) | "All shards" >> beam.Flatten() | "Spread" >> beam.Reshuffle()
    )  # (shard number, 0)
    signed = ready | "Sign" >> beam.ParDo(match.Sign(path)).with_output_types(Packed).with_outputs(
        match.BANDED, match.SAMPLED, match.HITS, main=match.EXACT
    )
    matches = _matches(signed, job, path)  # (shard number, packed MATCHes)
    found = {"ready": ready, "matches": matches}
    if job.against:
        found |= {"hits": signed[match.HITS], "common": _common(signed, matches, path)}
    written = (
        found
        | "By shard" >> beam.CoGroupByKey()
        | "Write" >> beam.ParDo(Write(path)).with_output_types(Packed)
    )  # (0, result)
    _ = (
        written
        | "All results" >> beam.GroupByKey()
        | "Commit" >> beam.ParDo(Commit(path)).with_output_types(int)
    )


def build_saved(pipeline: beam.Pipeline, job: str, todo: list[int], done: list[int]) -> None:
    """As `build`, of a job that was saved to a file."""
    build(pipeline, load_job(job), todo, done)


def _trimmed(
    pipeline: beam.Pipeline, read: beam.PCollection, path: str, done: Iterable[int]
) -> tuple[beam.PCollection, beam.PCollection]:
    """The batches of all shards without boilerplate, and the shards measured before."""
    kept = read | "Keep" >> beam.ParDo(measure.Store(path, read=True)).with_output_types(Pair)
    shards = (
        (kept, _create(pipeline, "Shards read before", done))
        | "All shards read" >> beam.Flatten()
        | "Spread to count" >> beam.Reshuffle()
    )
    names = (
        shards
        | "Seen" >> beam.ParDo(boilerplate.Seen(path)).with_output_types(Packed)
        | "By prefix of lines" >> beam.GroupByKey()
        | "Count" >> beam.ParDo(boilerplate.Count(path)).with_output_types(Packed)
        | "All counts" >> beam.GroupByKey()
        | "Gather" >> beam.ParDo(boilerplate.Gather(path)).with_output_types(Packed)
    )
    trimmed = (
        {"shards": shards, "names": names}
        | "Shards and names" >> beam.CoGroupByKey()
        | "Trim"
        >> beam.ParDo(boilerplate.Trim(path))
        .with_output_types(measure.Batch)
        .with_outputs(boilerplate.READY, main="batches")
    )
    return trimmed["batches"], trimmed[boilerplate.READY]


def _common(signed: Any, matches: beam.PCollection, path: str) -> beam.PCollection:
    hits = signed[match.HITS] | "All hits" >> beam.Map(match.to_one_place).with_output_types(Packed)
    removed = matches | "All matches" >> beam.Map(match.to_one_place).with_output_types(Packed)
    return (
        {"hits": hits, "matches": removed}
        | "Hits and matches" >> beam.CoGroupByKey()
        | "Common" >> beam.ParDo(match.Common(path)).with_output_types(Packed)
    )


def _matches(signed: Any, job: Job, path: str) -> beam.PCollection:
    exact = (
        signed[match.EXACT]
        | "By content hash" >> beam.GroupByKey()
        | "Exact duplicates" >> beam.FlatMap(match.exact_matches).with_output_types(Packed)
    )
    groups = (
        signed[match.BANDED]
        | "By band" >> beam.GroupByKey()
        | "Candidates" >> beam.FlatMap(match.groups).with_output_types(Packed)
    )
    rows = groups | "Rows to compare" >> beam.FlatMap(match.rows_to_read).with_output_types(Packed)
    found = {"exact": exact, "groups": groups}
    near = job.recipe.dedup and job.recipe.dedup.near
    if near and near.containment is not None:
        found["samples"] = _shared_grams(signed)
        parts = (
            {"exact": exact, "samples": found["samples"]}
            | "Grams and matches" >> beam.CoGroupByKey()
            | "Contain" >> beam.ParDo(match.Contain(path)).with_output_types(Packed)
        )
        rows = (rows, parts) | "All rows to compare" >> beam.Flatten()
    found["shingles"] = (
        rows
        | "Rows by shard" >> beam.GroupByKey()
        | "Shingle" >> beam.ParDo(match.Shingle(path)).with_output_types(Packed)
    )
    return (
        found
        | "All candidates" >> beam.CoGroupByKey()
        | "Resolve" >> beam.ParDo(match.Resolve(path)).with_output_types(Packed)
    )


def _shared_grams(signed: Any) -> beam.PCollection:
    return (
        signed[match.SAMPLED]
        | "By gram" >> beam.GroupByKey()
        | "Shared grams" >> beam.FlatMap(match.shared_grams).with_output_types(Packed)
    )


def _create(pipeline: beam.Pipeline, label: str, numbers: Iterable[int]) -> beam.PCollection:
    return pipeline | label >> beam.Create([(n, 0) for n in numbers]).with_output_types(Pair)
