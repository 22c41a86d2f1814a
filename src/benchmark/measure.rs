//! One run of one solver of ours, in the process that it is called in.

use std::path::PathBuf;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::analysis::{OperatingPoint, newton_options};
use crate::batch::{BatchEngine, BatchSystem, Law, Method as BatchMethod, Sample};
use crate::circuit::Circuit;
use crate::kernel::{CircuitKernel, Method as Splittings, Splitting, SplittingOptions, Variable};
use crate::linear::{Method, Symbolic, Way};
use crate::mna::{Outline, Phase, System, Values, Workspace};
use crate::netlist::Netlist;
use crate::newton;

use super::SolverKind;
use super::descent::{balance, newton as descend};
use super::linear::{conjugate_gradients, dense, too_large};
use super::process::peak_bytes;
use super::record::{Kernel, Measurement, Outcome, Phases};

/// What a process of its own is asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    pub deck: PathBuf,
    pub solver: SolverKind,
    pub profile: bool,
    /// Where the potential of each node goes, V: doubles, least significant byte first, in the order of
    /// [`Circuit::nodes`].
    pub answer: PathBuf,
}

/// Why there is no measurement.
enum Refusal {
    DoesNotFit(String),
    Failed(String),
}

fn failed(error: impl std::fmt::Display) -> Refusal {
    Refusal::Failed(error.to_string())
}

fn unfit(reason: impl std::fmt::Display) -> Refusal {
    Refusal::DoesNotFit(reason.to_string())
}

/// Reads the deck, solves it, leaves the answer.
pub fn measure(job: &Job) -> Outcome {
    match solve(job) {
        Ok(measurement) => Outcome::Measured(Box::new(measurement)),
        Err(Refusal::DoesNotFit(reason)) => Outcome::DoesNotFit(reason),
        Err(Refusal::Failed(reason)) => Outcome::Failed(reason),
    }
}

/// Seconds since the last look.
struct Watch(Instant);

impl Watch {
    fn lap(&mut self) -> f64 {
        let now = Instant::now();
        let lap = now - std::mem::replace(&mut self.0, now);
        lap.as_secs_f64()
    }
}

/// A compiled circuit on its way to a solution.
struct Run {
    circuit: Circuit,
    system: System,
    values: Values,
    ws: Workspace,
    watch: Watch,
    phases: Phases,
}

/// What a solver found; its state is left in the workspace.
#[derive(Default)]
struct Found {
    iterations: Option<usize>,
    strategy: Option<String>,
    /// It gives potentials, but not the branch currents that are unknowns as well.
    lacks_currents: bool,
}

fn solve(job: &Job) -> Result<Measurement, Refusal> {
    let mut run = prepare(job)?;
    let found = match job.solver {
        SolverKind::Auto | SolverKind::Cholesky | SolverKind::Multigrid | SolverKind::Lu => {
            run.direct()?
        }
        SolverKind::Dense | SolverKind::Cg => run.own_newton(job.solver)?,
        SolverKind::Elimination => run.batch(false)?,
        SolverKind::CoordinateDescent => run.batch(true)?,
        SolverKind::ForwardBackward => run.splitting(Splittings::ForwardBackward)?,
        SolverKind::DouglasRachford => run.splitting(Splittings::DouglasRachford)?,
        SolverKind::PeacemanRachford => run.splitting(Splittings::PeacemanRachford)?,
        external => return Err(unfit(format!("{external} is another program"))),
    };
    let mut measurement = run.report(job, found);
    let potentials = &run.ws.full[..run.system.node_count()];
    let bytes: Vec<u8> = potentials.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(&job.answer, bytes).map_err(failed)?;
    measurement.aside += run.watch.lap();
    // The process ends here: nobody needs the memory back.
    std::mem::forget(run);
    Ok(measurement)
}

fn prepare(job: &Job) -> Result<Run, Refusal> {
    let mut watch = Watch(Instant::now());
    let mut phases = Phases::default();
    let netlist = Netlist::read(&job.deck).map_err(failed)?;
    phases.parse = watch.lap();
    let circuit = Circuit::from_netlist(&netlist).map_err(failed)?;
    netlist.drop_aside();
    phases.build = watch.lap();
    circuit.check().map_err(failed)?;
    phases.check = watch.lap();
    let system = match job.solver {
        SolverKind::Lu => System::for_lu(&circuit),
        SolverKind::Cholesky => System::solved_by(&circuit, Way::Factors),
        SolverKind::Multigrid => System::solved_by(&circuit, Way::Multigrid),
        _ => System::put_off(&circuit),
    };
    let values = Values::new(&system, &circuit);
    phases.compile = watch.lap();
    let has_factors = matches!(
        job.solver,
        SolverKind::Auto | SolverKind::Cholesky | SolverKind::Multigrid | SolverKind::Lu
    );
    let is_for_positive = matches!(job.solver, SolverKind::Cholesky | SolverKind::Multigrid);
    if is_for_positive && system.method() != Method::Cholesky {
        return Err(unfit("its equations are not symmetric positive definite"));
    }
    if has_factors {
        system.analyze().map_err(failed)?;
        phases.order = watch.lap();
    }
    // A workspace of a solver without sparse factors must not make their analysis.
    let mut ws = match has_factors {
        true => Workspace::new(&system, &values),
        false => Workspace::without_factors(&system, &values),
    };
    phases.compile += watch.lap();
    ws.clock.start();
    Ok(Run {
        circuit,
        system,
        values,
        ws,
        watch,
        phases,
    })
}

impl Run {
    fn direct(&mut self) -> Result<Found, Refusal> {
        let options = newton_options(&self.circuit);
        let (system, values, ws) = (&self.system, &self.values, &mut self.ws);
        let solved = newton::solve(system, values, ws, &options);
        let convergence = solved.map_err(|failure| {
            let tried = failure
                .attempts
                .iter()
                .map(|a| format!("{}: {}", a.strategy, a.outcome));
            failed(format!(
                "no convergence ({})",
                tried.collect::<Vec<_>>().join(", ")
            ))
        })?;
        self.account();
        // Branch currents and powers are part of an operating point.
        let (system, values, ws) = (&self.system, &self.values, &mut self.ws);
        let point = OperatingPoint::read(&self.circuit, system, values, ws, convergence);
        std::hint::black_box(&point);
        self.phases.read = self.watch.lap();
        let precise = if convergence.is_precise {
            ", 31 digits"
        } else {
            ""
        };
        Ok(Found {
            iterations: Some(convergence.iterations),
            strategy: Some(format!("{}{precise}", convergence.strategy)),
            lacks_currents: false,
        })
    }

    /// Takes what the clock of the workspace says.
    fn account(&mut self) {
        let read = |phase| self.ws.clock.read(phase).0.as_secs_f64();
        let phases = &mut self.phases;
        phases.devices = read(Phase::Devices);
        phases.residual = read(Phase::Residual) + read(Phase::Scales);
        phases.load = read(Phase::Load);
        phases.factor = read(Phase::Factor);
        phases.solve = read(Phase::Solve);
        let known = phases.devices + phases.residual + phases.load + phases.factor + phases.solve;
        phases.other = (self.watch.lap() - known).max(0.0);
    }

    fn own_newton(&mut self, solver: SolverKind) -> Result<Found, Refusal> {
        let (system, values, ws) = (&self.system, &self.values, &mut self.ws);
        if system.has_ideal_diodes()
            || self
                .circuit
                .elements()
                .any(|(_, e)| !e.controls().is_empty())
        {
            return Err(unfit("it has ideal diodes or behavioural sources"));
        }
        let linear = match solver {
            SolverKind::Cg if system.method() != Method::Cholesky => {
                return Err(unfit("its equations are not symmetric positive definite"));
            }
            SolverKind::Cg => conjugate_gradients,
            _ => match too_large(system.order()) {
                Some(reason) => return Err(unfit(reason)),
                None => dense,
            },
        };
        let iterations = descend(system, values, ws, linear).map_err(failed)?;
        self.account();
        Ok(Found {
            iterations: Some(iterations),
            ..Found::default()
        })
    }

    fn batch(&mut self, relaxes: bool) -> Result<Found, Refusal> {
        let outline = Outline::of(&self.circuit);
        let sources = outline.source_values(&self.circuit);
        let compiled = BatchSystem::compile(&outline, &sources, 0, &[]);
        let compiled = compiled.map_err(|unsuited| unfit(unsuited.describe(&self.circuit)))?;
        let is_relaxed = matches!(compiled.method(), BatchMethod::Relaxation(_));
        if is_relaxed && !relaxes {
            return Err(unfit("its elimination would cost too much"));
        }
        let laws = outline.laws(&self.circuit).map(Law::from).collect();
        let conductances = outline.conductances(&self.circuit);
        let mut engine = BatchEngine::<f64>::new(compiled, conductances, laws, &[], None);
        if relaxes && !is_relaxed && !engine.relax() {
            return Err(unfit("it has free nodes outside of crossbars"));
        }
        let mut results = [None];
        engine.run(|_| Sample::Numbers(&[]), |_, _, _| (), false, &mut results);
        if results[0].is_none() {
            return Err(failed("its result is not certain"));
        }
        for (id, _) in self.circuit.nodes() {
            self.ws.full[id.index()] = engine.potential(0, id);
        }
        self.account();
        Ok(Found {
            iterations: Some(engine.last_steps()),
            strategy: Some(engine.system.method().to_string()),
            lacks_currents: !self.system.has_only_nodes(),
        })
    }

    /// The kernel equation says which diodes conduct; with that the circuit is linear.
    fn splitting(&mut self, method: Splittings) -> Result<Found, Refusal> {
        if !self.system.has_ideal_diodes() {
            return Err(unfit("it has no ideal diodes"));
        }
        let kernel = CircuitKernel::of(&self.circuit, &[]).map_err(unfit)?;
        let options = SplittingOptions::default();
        let splitting = Splitting::new(&kernel.kernel, method, options);
        let solution = splitting.map_err(failed)?.solve(&[]).map_err(failed)?;
        let pairs = solution.z.iter().zip(&solution.w);
        let states = pairs
            .zip(&kernel.diodes)
            .map(|((z, w), diode)| match diode.variable {
                Variable::Current => z > w,
                Variable::Voltage => w > z,
            });
        let (system, values) = (&self.system, &self.values);
        let mut ws = Workspace::new(system, values);
        ws.conducting = states.collect();
        ws.invalidate();
        ws.settle(system, values);
        ws.factor(system, values).map_err(failed)?;
        ws.solve_step();
        ws.advance(system, 1.0);
        self.ws = ws;
        self.account();
        Ok(Found {
            iterations: Some(solution.iterations),
            ..Found::default()
        })
    }

    fn report(&mut self, job: &Job, found: Found) -> Measurement {
        let peak_bytes = peak_bytes("self");
        let kernels = match job.profile {
            true => self.kernels(),
            false => Vec::new(),
        };
        let fill = match (self.phases.order > 0.0).then(|| self.system.analyze()) {
            Some(Ok(Symbolic::Cholesky(symbolic))) => Some(symbolic.factor_nonzeros()),
            _ => None,
        };
        self.watch.lap();
        let residual = balance(&mut self.ws, &self.system, &self.values);
        let residual = (!found.lacks_currents).then_some(residual);
        Measurement {
            phases: self.phases,
            process: 0.0,
            aside: self.watch.lap(),
            elements: Some(self.circuit.element_count()),
            unknowns: Some(self.system.order()),
            nonzeros: Some(self.system.nonzeros()),
            fill,
            iterations: found.iterations,
            strategy: found.strategy,
            residual,
            peak_bytes,
            kernels,
        }
    }

    fn kernels(&self) -> Vec<Kernel> {
        let named = [
            ("devices", Phase::Devices),
            ("residual", Phase::Residual),
            ("scales", Phase::Scales),
            ("load", Phase::Load),
            ("factor", Phase::Factor),
            ("solve", Phase::Solve),
        ];
        let kernel = |(name, phase): (&str, Phase)| {
            let (spent, calls) = self.ws.clock.read(phase);
            let work = self.system.work(phase).filter(|_| calls > 0)?;
            Some(Kernel {
                name: name.to_string(),
                calls,
                seconds: spent.as_secs_f64(),
                flops: work.flops.map(|flops| flops * calls as f64),
                bytes: work.bytes * calls as f64,
            })
        };
        named.into_iter().filter_map(kernel).collect()
    }
}
