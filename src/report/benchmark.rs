//! Solvers side by side as a table for people, CSV, JSON and a picture.

use serde_json::{Value, json};

use crate::benchmark::{Exponent, Kernel, Machine, Record, Result, SolverKind, Spread, Summary};
use crate::units::format_engineering;

use super::csv::field;
use super::json::SCHEMA;
use super::picture::{ErrorCurve, error_curves};
use super::table::columns;

/// What a run of the benchmark gives.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    pub records: &'a [Record],
    pub exponents: &'a [Exponent],
    /// With a profile only.
    pub machine: Option<&'a Machine>,
}

fn seconds(time: f64) -> String {
    format_engineering(time, 3, "s")
}

fn spread(spread: &Spread) -> String {
    match spread.least == spread.most {
        true => seconds(spread.median),
        false => format!(
            "{} ({} to {})",
            seconds(spread.median),
            seconds(spread.least),
            seconds(spread.most)
        ),
    }
}

fn optional<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or("-".to_string(), text)
}

/// In words, if there is no answer.
fn reason(result: &Result) -> Option<String> {
    Some(match result {
        Result::Measured(_) => return None,
        Result::DoesNotFit { reason } => format!("does not fit: {reason}"),
        Result::Failed { reason } => format!("failed: {reason}"),
        Result::OverLimit { limit } => format!("over the limit of {}", seconds(*limit)),
        Result::Skipped { elements } => {
            format!("skipped: over the limit at {elements} elements")
        }
    })
}

/// One word, if there is no answer.
fn outcome(result: &Result) -> &'static str {
    match result {
        Result::Measured(_) => "measured",
        Result::DoesNotFit { .. } => "does-not-fit",
        Result::Failed { .. } => "failed",
        Result::OverLimit { .. } => "over-limit",
        Result::Skipped { .. } => "skipped",
    }
}

/// All of it, one table after the other.
pub fn table(report: &Report) -> String {
    let mut text = cells(report.records);
    text += &reasons(report.records);
    text += &fits(report.exponents);
    if let Some(machine) = report.machine {
        text += &profile(report.records, machine);
    }
    text
}

fn cells(records: &[Record]) -> String {
    let header = [
        "circuit",
        "elements",
        "seed",
        "solver",
        "process",
        "solution",
        "memory",
        "unknowns",
        "iterations",
        "residual",
        "disagreement",
    ];
    let right = [
        false, true, true, false, true, true, true, true, true, true, true,
    ];
    let row = |record: &Record| {
        let summary = record.summary()?;
        let facts = &summary.first;
        Some(vec![
            record.cell.subject.name(),
            record.elements.to_string(),
            optional(record.cell.subject.seed(), |seed| seed.to_string()),
            record.cell.solver.to_string(),
            spread(&summary.process),
            seconds(summary.solution.median),
            optional(summary.peak_bytes, |b| format!("{:.1} MB", b as f64 / 1e6)),
            optional(facts.unknowns, |n| n.to_string()),
            optional(facts.iterations, |n| n.to_string()),
            optional(facts.residual, |r| format!("{r:.1e}")),
            optional(summary.disagreement, |d| format!("{d:.1e}")),
        ])
    };
    let rows: Vec<_> = records.iter().filter_map(row).collect();
    columns(&header, &rows, &right)
}

/// Each reason once, with the circuits that it holds for and their elements.
fn reasons(records: &[Record]) -> String {
    type Places = Vec<(String, Vec<usize>)>;
    let mut known: Vec<(SolverKind, String, Places)> = Vec::new();
    for record in records {
        let Some(reason) = reason(&record.result) else {
            continue;
        };
        let (solver, name) = (record.cell.solver, record.cell.subject.name());
        let places = match known.iter().position(|k| (k.0, &k.1) == (solver, &reason)) {
            Some(index) => &mut known[index].2,
            None => {
                known.push((solver, reason, Vec::new()));
                let last = known.len() - 1;
                &mut known[last].2
            }
        };
        match places.last_mut().filter(|(known, _)| *known == name) {
            Some((_, sizes)) => sizes.push(record.elements),
            None => places.push((name, vec![record.elements])),
        }
    }
    let place = |(name, sizes): &(String, Vec<usize>)| {
        let mut sizes = sizes.clone();
        sizes.dedup();
        let sizes: Vec<_> = sizes.iter().map(usize::to_string).collect();
        format!("{name} {}", sizes.join(" "))
    };
    let line = |(solver, reason, places): &(SolverKind, String, Places)| {
        let places: Vec<_> = places.iter().map(place).collect();
        format!("  {solver} {reason} ({})\n", places.join(", "))
    };
    match known.is_empty() {
        true => String::new(),
        false => format!(
            "\nno answer\n{}",
            known.iter().map(line).collect::<String>()
        ),
    }
}

fn fits(exponents: &[Exponent]) -> String {
    if exponents.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = exponents
        .iter()
        .map(|fit| {
            vec![
                fit.family.clone(),
                fit.solver.to_string(),
                fit.points.to_string(),
                format!("{:.2}", fit.process),
                optional(fit.solution, |e| format!("{e:.2}")),
            ]
        })
        .collect();
    let header = ["circuit", "solver", "points", "process", "solution"];
    let right = [false, false, true, true, true];
    format!(
        "\ntime grows as elements to the power of\n\n{}",
        columns(&header, &rows, &right)
    )
}

fn profile(records: &[Record], machine: &Machine) -> String {
    let gigabytes = machine.bandwidth / 1e9;
    let mut text = format!(
        "\none core: triad {gigabytes:.1} GB/s, matrix product {:.1} GFlop/s; what fits into a cache \
         may pass the roof\n",
        machine.rate / 1e9
    );
    for (record, summary) in records.iter().filter_map(|r| r.summary().map(|s| (r, s))) {
        let told: Vec<_> = summary
            .phases
            .parts()
            .into_iter()
            .filter(|p| p.1 > 0.0)
            .collect();
        let all: f64 = told.iter().map(|p| p.1).sum();
        text += &format!(
            "\n{} {}, {}: {}\n",
            record.cell.subject.name(),
            record.elements,
            record.cell.solver,
            seconds(all)
        );
        let part = |(name, time): &(&str, f64)| {
            let percent = format!("{:.1} %", 100.0 * time / all);
            vec![name.to_string(), seconds(*time), percent]
        };
        let rows: Vec<_> = told.iter().map(part).collect();
        text += &columns(&["part", "time", "share"], &rows, &[false, true, true]);
        text += &kernels(summary, machine);
    }
    text
}

fn kernels(summary: &Summary, machine: &Machine) -> String {
    if summary.first.kernels.is_empty() {
        return String::new();
    }
    let row = |kernel: &Kernel| {
        let rate = |amount: f64| amount / kernel.seconds / 1e9;
        vec![
            kernel.name.clone(),
            kernel.calls.to_string(),
            seconds(kernel.seconds / kernel.calls as f64),
            format!("{:.2}", rate(kernel.bytes)),
            optional(kernel.flops, |flops| format!("{:.2}", rate(flops))),
            format!("{:.0} %", 100.0 * roof(kernel, machine)),
        ]
    };
    let rows: Vec<_> = summary.first.kernels.iter().map(row).collect();
    let header = [
        "kernel",
        "calls",
        "time of one",
        "GB/s",
        "GFlop/s",
        "of the roof",
    ];
    let table = columns(&header, &rows, &[false, true, true, true, true, true]);
    format!("\n{table}")
}

/// Least time over time.
fn roof(kernel: &Kernel, machine: &Machine) -> f64 {
    machine.least(kernel.flops.unwrap_or(0.0), kernel.bytes) / kernel.seconds
}

/// A line for each cell; what there is none of is empty, and `reason` says why.
pub fn csv(records: &[Record]) -> String {
    let mut text = String::from(
        "circuit,elements,seed,solver,outcome,runs,process,process_least,process_most,solution,\
         solution_least,solution_most,parse,build,check,compile,order,devices,residual_time,load,factor,\
         solve,other,read,peak_bytes,unknowns,nonzeros,fill,iterations,strategy,residual,disagreement,reason\n",
    );
    for record in records {
        let start = [
            field(&record.cell.subject.name()).to_string(),
            record.elements.to_string(),
            record
                .cell
                .subject
                .seed()
                .map_or(String::new(), |s| s.to_string()),
            record.cell.solver.to_string(),
            outcome(&record.result).to_string(),
        ];
        let numbers = record
            .summary()
            .map_or_else(|| vec![String::new(); 27], numbers);
        let reason = reason(&record.result).unwrap_or_default();
        let reason = field(&reason).to_string();
        let all = start.into_iter().chain(numbers).chain([reason]);
        text += &all.collect::<Vec<_>>().join(",");
        text.push('\n');
    }
    text
}

fn numbers(summary: &Summary) -> Vec<String> {
    fn whole(value: Option<impl ToString>) -> String {
        value.map_or(String::new(), |n| n.to_string())
    }
    let number = |x: Option<f64>| x.map_or(String::new(), |x| format!("{x:e}"));
    let mut row = vec![summary.runs.to_string()];
    for spread in [&summary.process, &summary.solution] {
        row.extend([spread.median, spread.least, spread.most].map(|t| format!("{t:e}")));
    }
    row.extend(summary.phases.parts().map(|(_, time)| format!("{time:e}")));
    let facts = &summary.first;
    row.extend([
        whole(summary.peak_bytes),
        whole(facts.unknowns),
        whole(facts.nonzeros),
        whole(facts.fill),
        whole(facts.iterations),
        field(facts.strategy.as_deref().unwrap_or_default()).to_string(),
        number(facts.residual),
        number(summary.disagreement),
    ]);
    row
}

/// Everything; times in s, memory in bytes.
pub fn json(report: &Report) -> Value {
    let kernels = |record: &Record| {
        let machine = report.machine?;
        let kernels = &record.summary()?.first.kernels;
        let share = |k: &Kernel| json!({ "name": k.name, "roof": roof(k, machine) });
        Some(kernels.iter().map(share).collect::<Vec<_>>())
    };
    let cell = |record: &Record| {
        let mut value = json!(record);
        if let Some(roofs) = kernels(record) {
            value["roofs"] = json!(roofs);
        }
        value
    };
    json!({
        "schema": SCHEMA,
        "cells": report.records.iter().map(cell).collect::<Vec<_>>(),
        "exponents": report.exponents,
        "machine": report.machine,
    })
}

/// Median time of the whole process over the number of elements, both logarithmic; a curve for each
/// family and solver, with its exponent.
pub fn picture(report: &Report) -> String {
    let mut curves: Vec<((String, SolverKind), ErrorCurve)> = Vec::new();
    for record in report.records {
        let Some(summary) = record.summary() else {
            continue;
        };
        let key = (record.cell.subject.name(), record.cell.solver);
        let point = (record.elements as f64, summary.process.median);
        match curves.iter_mut().find(|(known, _)| *known == key) {
            Some((_, curve)) => curve.points.push(point),
            None => {
                let name = name_of(&key, report.exponents);
                let (points, level) = (vec![point], None);
                let curve = ErrorCurve {
                    name,
                    points,
                    level,
                };
                curves.push((key, curve));
            }
        }
    }
    for (_, curve) in &mut curves {
        curve.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let curves: Vec<_> = curves.into_iter().map(|(_, curve)| curve).collect();
    error_curves(
        "Operating points: time of the process",
        "elements",
        "time (s)",
        &curves,
    )
}

fn name_of((family, solver): &(String, SolverKind), exponents: &[Exponent]) -> String {
    let fit = exponents
        .iter()
        .find(|f| f.family == *family && f.solver == *solver);
    match fit {
        Some(fit) => format!("{family} {solver} ^{:.2}", fit.process),
        None => format!("{family} {solver}"),
    }
}
