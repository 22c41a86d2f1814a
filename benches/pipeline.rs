//! Each stage of the pipeline on three families of circuits: parse, compile, load, factor, Newton,
//! gradient; and one Newton step of a small circuit.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ohmgrad::analysis::{Output, Solver};
use ohmgrad::circuit::Circuit;
use ohmgrad::circuit::generators::{Clamp, Layered, grid, ladder};
use ohmgrad::mna::System;
use ohmgrad::netlist::Netlist;
use ohmgrad::newton::{self, NewtonOptions};

fn families() -> Vec<(&'static str, Circuit)> {
    let crossbar = Layered {
        inputs: 64,
        hidden: vec![32],
        outputs: 10,
        clamp: Clamp::Shockley,
        conductance: 1e-3,
        bias: 1.0,
        seed: 1,
    };
    let circuits = [
        ("ladder-1000", ladder(1000)),
        ("grid-50x50", grid(50, 50, 1)),
        ("crossbar-128-32-10", crossbar.build()),
    ];
    circuits
        .map(|(name, c)| (name, c.expect("generators make sound circuits")))
        .into()
}

fn solved(circuit: &Circuit) -> Solver {
    let mut solver = Solver::new(circuit.clone()).expect("a sound circuit");
    solver.operating_point().expect("an operating point");
    solver
}

fn stages(c: &mut Criterion) {
    for (name, circuit) in families() {
        let deck = circuit.to_spice().expect("a deck");
        c.bench_with_input(BenchmarkId::new("parse", name), &deck, |b, deck| {
            b.iter(|| Netlist::parse("bench", black_box(deck.as_str())).expect("a sound deck"));
        });
        c.bench_with_input(BenchmarkId::new("compile", name), &circuit, |b, circuit| {
            b.iter(|| System::compile(black_box(circuit)).expect("memory"));
        });
        let mut s = solved(&circuit);
        c.bench_function(&format!("load/{name}"), |b| {
            b.iter(|| s.workspace.settle(&s.system, &s.values));
        });
        c.bench_function(&format!("factor/{name}"), |b| {
            // Numbers that are those of the last factorization would not be factored again.
            let mut shift = 1e-12;
            b.iter(|| {
                shift = 3e-12 - shift;
                s.workspace
                    .factor_shifted(&s.system, &s.values, shift)
                    .expect("a regular matrix");
            });
        });
        c.bench_function(&format!("newton/{name}"), |b| {
            b.iter(|| {
                s.workspace.restart(&s.system, &s.values);
                s.operating_point().expect("an operating point")
            });
        });
        let node = s
            .circuit
            .nodes()
            .last()
            .map(|(_, n)| n.name.to_string())
            .unwrap_or_default();
        let output = Output::parse(&s.circuit, &format!("v({node})")).expect("a node");
        c.bench_function(&format!("gradient/{name}"), |b| {
            b.iter(|| {
                s.gradient(black_box(&[(output, 1.0)]))
                    .expect("a regular matrix")
            });
        });
    }
}

/// One Newton step of a grid of 100 nodes with a diode at each: the time from a cold start to an operating
/// point over the steps of it, certificate, line search and all; and what of a step is factors and solution.
fn small_steps(c: &mut Criterion) {
    let circuit = grid(10, 10, 1).expect("generators make sound circuits");
    let mut s = solved(&circuit);
    for (name, refine) in [("newton_step", false), ("newton_step_certified", true)] {
        let options = NewtonOptions {
            refine,
            ..s.options
        };
        c.bench_function(&format!("{name}/grid-10x10"), |b| {
            b.iter_custom(|repeats| {
                let mut spent = Duration::ZERO;
                for _ in 0..repeats {
                    s.workspace.restart(&s.system, &s.values);
                    let began = Instant::now();
                    let found = newton::solve(&s.system, &s.values, &mut s.workspace, &options);
                    let steps = found.expect("an operating point").iterations;
                    spent += began.elapsed().div_f64(steps as f64);
                }
                spent
            });
        });
    }
    // As in a sweep: the source moves by a hundredth, forth and back.
    let options = NewtonOptions {
        refine: false,
        ..s.options
    };
    let volts = s.workspace.sources.clone();
    c.bench_function("newton_step_warm/grid-10x10", |b| {
        b.iter_custom(|repeats| {
            let mut spent = Duration::ZERO;
            for k in 0..repeats {
                let factor = if k % 2 == 0 { 1.01 } else { 1.0 };
                s.workspace.sources[0] = factor * volts[0];
                let began = Instant::now();
                s.workspace.apply_ties(&s.system);
                let found = newton::solve(&s.system, &s.values, &mut s.workspace, &options);
                let steps = found.expect("an operating point").iterations;
                spent += began.elapsed().div_f64(steps.max(1) as f64);
            }
            spent
        });
    });
    s.workspace.sources.copy_from_slice(&volts);
    // What the search does at a step that it takes whole.
    c.bench_function("newton_step_alone/grid-10x10", |b| {
        b.iter(|| {
            s.workspace.invalidate();
            let factored = s.workspace.factor(&s.system, &s.values);
            factored.expect("a regular matrix");
            s.workspace.solve_step();
            s.workspace.begin_search();
            black_box(s.workspace.initial_slope(&s.system));
            s.workspace.move_along(&s.system, 1.0);
            s.workspace.settle(&s.system, &s.values);
            black_box(s.workspace.slope());
            black_box(s.workspace.largest_scale(&s.system, &s.values));
        });
    });
    let mut right = vec![1.0; s.workspace.reduced.len()];
    c.bench_function("factor_and_solve/grid-10x10", |b| {
        b.iter(|| {
            right.fill(1.0);
            s.workspace.invalidate();
            s.workspace
                .factor(&s.system, &s.values)
                .expect("a regular matrix");
            s.workspace.solve_transpose(black_box(&mut right));
        });
    });
}

/// A deck of a million elements: text to netlist, and on to the circuit.
fn million(c: &mut Criterion) {
    let mut deck = String::from("a million elements\nV1 n0 0 5\n.model dm D(IS=1e-14)\n");
    for k in 0..999_999 {
        let node = k / 2;
        match k % 10 {
            9 => deck += &format!("D{k} n{node} 0 dm\n"),
            _ => deck += &format!("R{k} n{node} n{} {}k\n", node + 1 + k % 3, 1 + k % 97),
        }
    }
    c.bench_function("parse/million", |b| {
        b.iter(|| Netlist::parse("bench", black_box(deck.as_str())).expect("a sound deck"));
    });
    let netlist = Netlist::parse("bench", deck.as_str()).expect("a sound deck");
    c.bench_function("elaborate/million", |b| {
        b.iter(|| Circuit::from_netlist(black_box(&netlist)).expect("a circuit"));
    });
}

criterion_group! {
    name = large;
    config = Criterion::default().sample_size(10);
    targets = million
}
criterion_group! {
    name = pipeline;
    config = Criterion::default().sample_size(20);
    targets = stages, small_steps
}
criterion_main!(pipeline, large);
