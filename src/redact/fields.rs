//! Fields: which of a report's fields hold text of the input.
//!
//! Every struct is taken apart by name and without `..`: a new field does not compile until somebody decides here whether it may hold what a
//! stranger wrote. `_` stands for what Rootline itself says: ids, times, numbers, hashes, kinds from the grammars.

use std::collections::BTreeMap;

use crate::wire::remedy::*;
use crate::wire::roles::RoleRow;
use crate::wire::v1::*;

/// Sees every text of a report once, in an order that does not change.
pub(super) trait Visitor {
    /// A text, or a part of one.
    fn text(&mut self, text: &mut String);
    /// A record with its place.
    fn evidence(&mut self, row: &mut EvidenceRow);
}

fn list(texts: &mut [String], v: &mut dyn Visitor) {
    texts.iter_mut().for_each(|text| v.text(text));
}

fn values(texts: &mut BTreeMap<String, String>, v: &mut dyn Visitor) {
    texts.values_mut().for_each(|text| v.text(text));
}

fn maybe(text: &mut Option<String>, v: &mut dyn Visitor) {
    text.iter_mut().for_each(|text| v.text(text));
}

/// Shows every text of a report to a visitor.
pub(super) fn visit(report: &mut Report, v: &mut dyn Visitor) {
    let Report {
        schema: _,
        generator: _,
        redaction: _,
        incident,
        sources,
        signals,
        cascades,
        conditions,
        unrelated,
        factors,
        metrics,
        actions,
        gaps,
        ledger,
        constants,
        disks,
        problems,
        similar,
        images,
        disk_budgets,
        rollback,
        guard_rails,
        identities: _,
        roles,
        // People's own words: what they write is theirs to judge.
        human: _,
    } = report;
    let Head {
        title,
        window: _,
        clusters,
        summary,
        summary_cited,
    } = incident;
    v.text(title);
    list(clusters, v);
    list(summary, v);
    for Cited { text, signals: _ } in summary_cited {
        v.text(text);
    }
    sources.iter_mut().for_each(|row| source(row, v));
    signals.iter_mut().for_each(|row| signal(row, v));
    cascades.iter_mut().for_each(|row| cascade(row, v));
    for row in conditions {
        let ConditionRow {
            node,
            condition: _,
            status: _,
            from: _,
            to: _,
            from_open: _,
            to_open: _,
            also: _,
            evidence: _,
        } = row;
        v.text(node);
    }
    for Unrelated { signal: _, why } in unrelated {
        v.text(why);
    }
    for row in factors {
        let FactorRow {
            id: _,
            subject,
            strength: _,
            evidence: _,
            because,
            counterfactual,
            action,
            mistaken_when: _,
            references: _,
            citations,
        } = row;
        v.text(subject);
        v.text(because);
        v.text(counterfactual);
        v.text(action);
        cited(citations, v);
    }
    for row in metrics.values_mut() {
        let MetricRow {
            value: _,
            status: _,
            evidence: _,
            definition: _,
            baseline: _,
        } = row;
    }
    for row in actions {
        let ActionRow {
            id: _,
            class: _,
            text,
            done_when,
            artifact,
            backtest,
        } = row;
        v.text(text);
        v.text(done_when);
        maybe(artifact, v);
        maybe(backtest, v);
    }
    for GapRow {
        what,
        matters_because,
    } in gaps
    {
        v.text(what);
        v.text(matters_because);
    }
    let LedgerRow {
        files: _,
        bytes: _,
        bytes_read: _,
        records: _,
        skipped,
        undated: _,
        outside: _,
    } = ledger;
    for SkippedRow {
        path,
        why,
        bytes: _,
    } in skipped
    {
        v.text(path);
        v.text(why);
    }
    for ConstantRow {
        name: _,
        value,
        from,
    } in constants
    {
        v.text(value);
        v.text(from);
    }
    for row in disks {
        let DiskRow {
            node,
            at: _,
            mounted_on,
            used_percent: _,
            inodes: _,
        } = row;
        maybe(node, v);
        v.text(mounted_on);
    }
    list(problems, v);
    for row in similar.iter_mut().flatten() {
        let SimilarRow {
            incident,
            title,
            from: _,
            overlap: _,
            shared: _,
            only_here: _,
            only_there: _,
        } = row;
        v.text(incident);
        v.text(title);
    }
    for RoleRow {
        role: _,
        did,
        signals: _,
    } in roles
    {
        list(did, v);
    }
    images.iter_mut().for_each(|row| image(row, v));
    disk_budgets.iter_mut().for_each(|row| budget(row, v));
    for row in rollback {
        let RollbackRow {
            workload,
            image,
            digest: _,
            known_by,
            still_there,
            command,
            evidence: _,
            citations,
        } = row;
        v.text(workload);
        v.text(image);
        list(known_by, v);
        v.text(still_there);
        v.text(command);
        cited(citations, v);
    }
    for row in guard_rails {
        let GuardRailRow {
            id: _,
            file: _,
            class: _,
            about,
            done_when,
            backtest,
            text,
        } = row;
        let BacktestRow {
            said,
            first: _,
            cascade: _,
            others: _,
            tested: _,
        } = backtest;
        v.text(about);
        v.text(done_when);
        v.text(said);
        v.text(text);
    }
}

fn cited(rows: &mut [EvidenceRow], v: &mut dyn Visitor) {
    rows.iter_mut().for_each(|row| v.evidence(row));
}

fn amount(row: &mut AmountRow, v: &mut dyn Visitor) {
    let AmountRow {
        bytes: _,
        measure: _,
        rounded: _,
        at_least: _,
        from,
        citations,
    } = row;
    v.text(from);
    cited(citations, v);
}

fn image(row: &mut ImageRow, v: &mut dyn Visitor) {
    let ImageRow {
        subject,
        of_cascade,
        path,
        measure: _,
        base,
        total_bytes: _,
        layers,
        sizes,
        before,
        slimmer,
        contradictions,
    } = row;
    v.text(subject);
    maybe(of_cascade, v);
    v.text(path);
    maybe(base, v);
    for row in layers {
        let LayerRow {
            instruction: _,
            text,
            bytes: _,
            share: _,
            notes,
            citation,
            build_line,
        } = row;
        v.text(text);
        list(notes, v);
        v.evidence(citation);
        build_line.iter_mut().for_each(|row| v.evidence(row));
    }
    sizes.iter_mut().for_each(|row| amount(row, v));
    if let Some(BeforeRow { image, sizes }) = before {
        v.text(image);
        sizes.iter_mut().for_each(|row| amount(row, v));
    }
    if let Some(SlimmerRow { at_most, because }) = slimmer {
        amount(at_most, v);
        v.text(because);
    }
    for DisagreementRow { what, citations } in contradictions {
        v.text(what);
        cited(citations, v);
    }
}

fn budget(row: &mut BudgetRow, v: &mut dyn Visitor) {
    let BudgetRow {
        node,
        hit: _,
        runtime,
        capacity,
        available,
        threshold,
        lowest,
        compressed,
        unpacked,
        needed_at_least: _,
        needed_at_most: _,
        fits: _,
        evidence: _,
        because,
        counterfactuals,
    } = row;
    v.text(node);
    maybe(runtime, v);
    for row in [capacity, available, threshold, lowest, compressed, unpacked] {
        row.iter_mut().for_each(|row| amount(row, v));
    }
    v.text(because);
    list(counterfactuals, v);
}

fn source(row: &mut SourceRow, v: &mut dyn Visitor) {
    let SourceRow {
        path,
        format: _,
        why,
        bytes: _,
        bytes_read: _,
        crc32: _,
        records: _,
        signals: _,
        speaks_for,
        from: _,
        to: _,
        clock: _,
        problems,
    } = row;
    v.text(path);
    v.text(why);
    values(speaks_for, v);
    list(problems, v);
}

fn signal(row: &mut SignalRow, v: &mut dyn Visitor) {
    let SignalRow {
        id: _,
        signal: _,
        cause: _,
        at: _,
        precision: _,
        time_basis: _,
        as_written,
        last: _,
        entities,
        inferred,
        component,
        witnesses,
        format: _,
        count: _,
        retry_of: _,
        evidence,
        evidence_left_out: _,
    } = row;
    maybe(as_written, v);
    values(entities, v);
    values(inferred, v);
    maybe(component, v);
    list(witnesses, v);
    evidence.iter_mut().for_each(|row| v.evidence(row));
}

fn cascade(row: &mut CascadeRow, v: &mut dyn Visitor) {
    let CascadeRow {
        id: _,
        mechanism: _,
        confidence: _,
        culprit,
        trigger: _,
        origin: _,
        explanation,
        hops,
        links,
        spread: _,
        blast_radius,
        ruled_out,
        contradictions,
        recovery: _,
        signals: _,
    } = row;
    values(culprit, v);
    v.text(explanation);
    for row in hops {
        let HopRow {
            node,
            from: _,
            to: _,
            signals: _,
            ended_by,
            pressure: _,
            without_pressure: _,
        } = row;
        maybe(node, v);
        maybe(ended_by, v);
    }
    for row in links {
        let LinkRow {
            cause: _,
            effect: _,
            rule: _,
            lag_ms: _,
            confidence: _,
            because,
            others: _,
        } = row;
        v.text(because);
    }
    let BlastRadius { direct, collateral } = blast_radius;
    for BlastRow {
        nodes,
        workloads,
        pods,
    } in [direct, collateral]
    {
        list(nodes, v);
        list(workloads, v);
        list(pods, v);
    }
    for RuledOutRow {
        mechanism: _,
        why,
        evidence: _,
    } in ruled_out
    {
        v.text(why);
    }
    for ContradictionRow {
        what,
        signals: _,
        possible_explanations,
    } in contradictions
    {
        v.text(what);
        list(possible_explanations, v);
    }
}
