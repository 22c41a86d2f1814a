//! Training's side of the batch engine: which parameter is which conductance.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use crate::batch::{
    Accuracy, BatchEngine, BatchSystem, Nudge, Precision, Real, Timing, Unamplified, Unsuited,
};
use crate::circuit::{Circuit, NodeId};
use crate::estimators::Inapplicable;
use crate::mna::Outline;
use crate::parallel::{Mail, Ranks};

use super::config::OptimizerConfig;
use super::data::Dataset;
use super::engine::Evaluation;
use super::frame::{Frame, Handle, find_handles, voltages};
use super::gather;
use super::loss::{Loss, SampleLoss};
use super::optimizer::Optimizer;
use super::parameters::TrainedParameters;
use super::ports::Ports;

/// The batch engine of a circuit that is trained.
#[derive(Debug)]
pub struct Batches {
    engine: AnyEngine,
    /// What the trained parameters are.
    runs: Vec<Run>,
    /// The trained quantities (S, A), unless they are the engine's conductances.
    quantities: Vec<f64>,
    /// Sample by sample: loss and outputs.
    results: Vec<Option<SampleLoss>>,
    outputs: usize,
    /// Where the amplifiers of the circuit are gone.
    without: Option<Unamplified>,
    /// Unit of the potentials at all outputs, V, if it is one.
    unit: Option<f64>,
    /// The processes that share the batches.
    ranks: Option<Arc<dyn Ranks>>,
    /// What they exchange of each batch.
    found: gather::Results,
    /// Parameters that each rank alone moves.
    apart: Vec<Vec<Range<usize>>>,
    /// Parameters that all move.
    common: Vec<Range<usize>>,
}

/// In double or single precision.
#[derive(Debug)]
enum AnyEngine {
    F64(Box<BatchEngine<f64>>),
    F32(Box<BatchEngine<f32>>),
}

/// Trained parameters that are conductances one after the other, or one current.
#[derive(Clone, Debug)]
struct Run {
    parameters: Range<usize>,
    first: Handle,
}

macro_rules! each {
    ($engine:expr, $e:ident => $body:expr) => {
        match $engine {
            AnyEngine::F64($e) => $body,
            AnyEngine::F32($e) => $body,
        }
    };
}

impl Batches {
    /// # Errors
    /// [`Unsuited`] if the general solver has to take the samples.
    pub fn new(
        circuit: &Circuit,
        outline: &Outline,
        ports: &Ports,
        parameters: &TrainedParameters,
        accuracy: Accuracy,
    ) -> Result<Self, Unsuited> {
        let without = match outline.is_plain() {
            true => None,
            false => Unamplified::of(circuit),
        };
        // A sensor that carries a feature is more than a wire.
        let is_there =
            |w: &Unamplified, source: usize| w.element(outline.source_elements()[source]).is_some();
        let drives = ports.source_drives();
        let without = without.filter(|w| drives.iter().all(|d| is_there(w, d.0)));
        if let Some(without) = without {
            let frame = Frame {
                circuit: &without.circuit,
                outline: &Outline::of(&without.circuit),
                units: Some((&without, outline)),
            };
            let mut batches = Self::compile(&frame, ports, parameters, accuracy)?;
            batches.without = Some(without);
            return Ok(batches);
        }
        let frame = Frame {
            circuit,
            outline,
            units: None,
        };
        Self::compile(&frame, ports, parameters, accuracy)
    }

    fn compile(
        frame: &Frame<'_>,
        ports: &Ports,
        parameters: &TrainedParameters,
        accuracy: Accuracy,
    ) -> Result<Self, Unsuited> {
        let Frame {
            circuit, outline, ..
        } = *frame;
        let drives = frame.drives(&ports.source_drives());
        let handles = find_handles(frame, parameters, |source| {
            drives.iter().any(|(driven, _)| *driven == source)
        })?;
        let pairs = voltages(&ports.outputs)?;
        let free = pairs.iter().flatten().filter(|node| !frame.is_held(**node));
        let mut units = free.map(|node| frame.node(*node).1);
        let first = units.next();
        let unit = first.filter(|first| units.all(|unit| unit == *first));
        let outputs: Vec<_> = (pairs.iter())
            .map(|pair| pair.map(|node| frame.node(node)))
            .collect();
        let sources = outline.source_values(circuit);
        let compiled = BatchSystem::compile(outline, &sources, ports.features(), &drives)?;
        let conductances = outline.conductances(circuit);
        let laws = frame.laws();
        let tolerance = accuracy.tolerance;
        let engine = match accuracy.precision {
            Precision::F64 => AnyEngine::F64(Box::new(BatchEngine::new(
                compiled,
                conductances,
                laws,
                &outputs,
                tolerance,
            ))),
            Precision::F32 => AnyEngine::F32(Box::new(BatchEngine::new(
                compiled,
                conductances,
                laws,
                &outputs,
                tolerance,
            ))),
        };
        let mut batches = Self {
            engine,
            quantities: Vec::new(),
            runs: find_runs(&handles),
            results: Vec::new(),
            outputs: outputs.len(),
            without: None,
            unit,
            ranks: None,
            found: gather::Results::default(),
            apart: Vec::new(),
            common: std::iter::once(0..parameters.len()).collect(),
        };
        batches.take(parameters);
        Ok(batches)
    }

    pub fn method(&self) -> String {
        each!(&self.engine, e => e.system.method().to_string())
    }

    /// Minimises the co-content group by group where the circuit allows it; false if not.
    pub fn relax(&mut self) -> bool {
        each!(&mut self.engine, e => e.relax())
    }

    /// Where the time of the batches so far went.
    pub fn timing(&self) -> Timing {
        each!(&self.engine, e => e.timing)
    }

    /// Takes the values of `parameters`.
    pub fn take(&mut self, parameters: &TrainedParameters) {
        let quantity = |k: usize| parameters.quantity(k);
        match self.runs[..] {
            [
                Run {
                    ref parameters,
                    first: Handle::Conductance(k),
                },
            ] => {
                let own = k as usize..k as usize + parameters.len();
                each!(&mut self.engine, e => {
                    let own = e.conductances[own].iter_mut().enumerate();
                    own.for_each(|(k, g)| *g = quantity(k));
                });
            }
            _ => {
                self.quantities = (0..parameters.len()).map(quantity).collect();
            }
        }
        self.hand_over();
    }

    /// Potential of a circuit node in one sample of the last batch, V.
    pub fn potential(&self, sample: usize, node: NodeId) -> f64 {
        let (node, unit) = match &self.without {
            Some(without) => without.node(node),
            None => (node, 1.0),
        };
        unit * each!(&self.engine, e => e.potential(sample, node))
    }

    /// Gradients of the next batches by equilibrium propagation; by the adjoint if none. The currents
    /// into the outputs are `-beta dL/dv`, behind amplifiers too.
    ///
    /// # Errors
    /// If the outputs stand behind different numbers of amplifiers.
    pub fn set_nudge(&mut self, nudge: Option<Nudge>) -> Result<(), Inapplicable> {
        let nudge = match (nudge, self.unit) {
            (Some(nudge), Some(unit)) => Some(Nudge {
                // A current in units of `unit` for a derivative to a potential in the same.
                beta: nudge.beta / (unit * unit),
                ..nudge
            }),
            (Some(_), None) => return Err(Inapplicable::UnequalOutputs),
            (None, _) => None,
        };
        each!(&mut self.engine, e => e.nudge = nudge);
        Ok(())
    }

    /// Evaluates samples and adds them to `total`; returns the places of those that the general
    /// solver has to take, of which only the place is added.
    pub(super) fn run(
        &mut self,
        data: &Dataset,
        indices: &[usize],
        loss: &Loss,
        differentiate: bool,
        total: &mut Evaluation,
    ) -> Vec<usize> {
        let Self {
            engine,
            results,
            outputs,
            ranks,
            found: exchange,
            ..
        } = self;
        results.clear();
        results.resize(indices.len(), None);
        let input = |sample: usize| data.input(indices[sample]);
        let judge = |sample: usize, y: &[f64], derivative: &mut [f64]| {
            loss.evaluate(y, &data.targets, indices[sample], derivative)
        };
        each!(engine, e => e.run(input, judge, differentiate, results));
        let first = total.outputs.len();
        let count = indices.len();
        total.outputs.resize(first + count * *outputs, 0.0);
        let found = &mut total.outputs[first..];
        each!(engine, e => for sample in e.own_samples(count) {
            let own = e.outputs_of(sample, *outputs);
            found[sample * *outputs..][..*outputs].copy_from_slice(own);
        });
        let mut steps = each!(engine, e => e.last_steps());
        let ranks =
            (ranks.as_deref()).map(|ranks| (ranks, each!(engine, e => e.samples_of_ranks(count))));
        // They travel while products are computed.
        if let Some((ranks, samples)) = &ranks {
            exchange.post(*ranks, samples, (results, found, steps));
        }
        each!(engine, e => e.end(count, differentiate));
        if let Some((ranks, samples)) = &ranks {
            steps = exchange.take(*ranks, samples, (results, found));
        }
        total.iterations += steps;
        let mut uncertain = Vec::new();
        let nothing = SampleLoss {
            loss: 0.0,
            predicted: None,
            correct: false,
        };
        for (k, result) in results.iter().enumerate() {
            total.push(result.as_ref().unwrap_or(&nothing));
            if result.is_none() {
                uncertain.push(k);
            }
        }
        uncertain
    }

    /// Shares the next batches with other processes, all of which call this; none for a single process again,
    /// which has gathered what the others know.
    pub(super) fn spread(&mut self, ranks: Option<Arc<dyn Ranks>>, parameters: &TrainedParameters) {
        let conductances = each!(&mut self.engine, e => {
            e.spread(ranks.clone());
            e.apart()
        });
        let runs = &self.runs;
        let apart = conductances.iter().map(|own| parameters_of(runs, own));
        self.apart = apart.collect();
        let mut apart: Vec<_> = self.apart.iter().flatten().cloned().collect();
        apart.sort_by_key(|range| range.start);
        self.common = between(&apart, parameters.len());
        self.ranks = ranks;
        self.take(parameters);
    }

    /// Cuts a batch into so many blocks at least.
    pub(super) fn cut_into(&mut self, blocks: usize) {
        each!(&mut self.engine, e => e.least_blocks = blocks);
    }

    /// Samples that each rank solves of a batch of so many.
    pub(super) fn samples_of_ranks(&self, samples: usize) -> Vec<Range<usize>> {
        each!(&self.engine, e => e.samples_of_ranks(samples))
    }

    /// Brings the numbers of all parameters that ranks know alone to the first rank, or to all.
    pub(super) fn gather(&self, numbers: &mut [f64], to_all: bool) {
        let Some(ranks) = &self.ranks else {
            return;
        };
        let (me, size) = (ranks.rank(), ranks.size());
        let mut mail = Mail::default();
        for own in &self.apart[me] {
            mail.send.extend_from_slice(&numbers[own.clone()]);
        }
        let length = |own: &Vec<Range<usize>>| own.iter().map(Range::len).sum();
        let mut counts: Vec<usize> = self.apart.iter().map(length).collect();
        if to_all {
            mail.all_gather(&**ranks, &counts);
        } else {
            mail.sent = vec![0; size];
            mail.sent[0] = mail.send.len();
            if me != 0 {
                counts.fill(0);
            }
            mail.all_to_all(&**ranks, &counts);
        }
        let mut received = mail.received.as_slice();
        for own in self
            .apart
            .iter()
            .zip(counts)
            .filter(|(_, n)| *n > 0)
            .flat_map(|(own, _)| own)
        {
            let (values, rest) = received.split_at(own.len());
            numbers[own.clone()].copy_from_slice(values);
            received = rest;
        }
    }

    /// Takes what other ranks have found of the last batch.
    pub(super) fn complete(&mut self) {
        each!(&mut self.engine, e => e.complete());
    }

    /// Derivatives of the sum of losses of the last batch to the quantities from `first` on, times
    /// `factor`; of several ranks after `complete`.
    pub fn derivatives(&self, first: usize, factor: f64, out: &mut [f64]) {
        each!(&self.engine, e => derivatives(e, &self.runs, first, factor, out));
    }

    /// One step of the optimizer against the last batch's mean gradient; `rest` holds sums of
    /// derivatives to the deck's parameters of samples that were solved alone.
    pub(super) fn step(
        &mut self,
        parameters: &mut TrainedParameters,
        (optimizer, config): (&mut Optimizer, &OptimizerConfig),
        rest: Option<&[f64]>,
        count: f64,
    ) {
        let slopes: Option<Vec<f64>> = rest.map(|rest| {
            let slope = |(k, g): (usize, &f64)| g / parameters.slope_of_quantity(k);
            rest.iter().enumerate().map(slope).collect()
        });
        let began = Instant::now();
        let Self {
            engine,
            runs,
            quantities,
            ranks,
            apart,
            common,
            ..
        } = self;
        let step = optimizer.begin_step(config);
        let me = ranks.as_ref().map_or(0, |ranks| ranks.rank());
        // What this rank alone knows waits for nobody.
        let alone = apart.get(me).map_or(&[][..], Vec::as_slice);
        let mut advance = |engine: &mut AnyEngine, moved: &[Range<usize>]| {
            each!(engine, e => {
                // Where all of them are conductances in order, these are written in place.
                let mut conductances = std::mem::take(&mut e.conductances);
                let own = match runs.as_slice() {
                    [Run { parameters, first: Handle::Conductance(k) }] => {
                        &mut conductances[*k as usize..*k as usize + parameters.len()]
                    }
                    _ => quantities.as_mut_slice(),
                };
                let engine = &*e;
                let mean = |first: usize, out: &mut [f64]| {
                    derivatives(engine, runs, first, 1.0 / count, out);
                    let alone = slopes.iter().flat_map(|slopes| &slopes[first..]);
                    out.iter_mut().zip(alone).for_each(|(g, alone)| *g += alone / count);
                };
                parameters.take_step((optimizer, &step), moved, mean, own);
                e.conductances = conductances;
            });
        };
        advance(engine, alone);
        each!(&mut *engine, e => e.complete());
        advance(engine, common);
        each!(engine, e => e.timing.optimizer += began.elapsed());
        self.hand_over();
    }

    /// True if all trained parameters are conductances, one after the other: then these are where
    /// the quantities are.
    fn is_in_place(&self) -> bool {
        matches!(
            self.runs[..],
            [Run {
                first: Handle::Conductance(_),
                ..
            }]
        )
    }

    /// Gives the engine the quantities.
    fn hand_over(&mut self) {
        let runs = match self.is_in_place() {
            true => &[],
            false => self.runs.as_slice(),
        };
        each!(&mut self.engine, e => {
            for run in runs {
                let values = &self.quantities[run.parameters.clone()];
                match run.first {
                    Handle::Conductance(k) => {
                        let own = k as usize..k as usize + values.len();
                        e.conductances[own].copy_from_slice(values);
                    }
                    Handle::Current(k) => e.set_current(k as usize, values[0]),
                }
            }
            e.refresh();
        });
    }
}

fn derivatives<T: Real>(
    engine: &BatchEngine<T>,
    runs: &[Run],
    first: usize,
    factor: f64,
    out: &mut [f64],
) {
    let end = first + out.len();
    let start = runs.partition_point(|run| run.parameters.end <= first);
    for run in runs[start..]
        .iter()
        .take_while(|run| run.parameters.start < end)
    {
        let from = run.parameters.start.max(first);
        let own = &mut out[from - first..run.parameters.end.min(end) - first];
        match run.first {
            Handle::Conductance(k) => {
                let k = k as usize + from - run.parameters.start;
                engine.conductance_derivatives(k, factor, own);
            }
            Handle::Current(k) => own[0] = factor * engine.current_derivative(k as usize),
        }
    }
}

/// The parameters that are these conductances; neighbouring ranges become one.
fn parameters_of(runs: &[Run], conductances: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for run in runs {
        let Handle::Conductance(first) = run.first else {
            continue;
        };
        let (first, length) = (first as usize, run.parameters.len());
        for own in conductances {
            let start = own.start.max(first);
            let end = own.end.min(first + length);
            if start < end {
                let place = run.parameters.start + start - first;
                found.push(place..place + end - start);
            }
        }
    }
    found.sort_by_key(|range| range.start);
    found.dedup_by(|next, last| {
        let joins = last.end == next.start;
        if joins {
            last.end = next.end;
        }
        joins
    });
    found
}

/// What lies between sorted ranges, below `end`.
fn between(ranges: &[Range<usize>], end: usize) -> Vec<Range<usize>> {
    let starts = std::iter::once(0).chain(ranges.iter().map(|r| r.end));
    let ends = ranges.iter().map(|r| r.start).chain(std::iter::once(end));
    let gaps = starts.zip(ends).map(|(start, end)| start..end);
    gaps.filter(|gap| !gap.is_empty()).collect()
}

/// Neighbouring parameters that are neighbouring conductances.
fn find_runs(handles: &[Handle]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (k, &handle) in handles.iter().enumerate() {
        if let (Some(last), Handle::Conductance(own)) = (runs.last_mut(), handle)
            && let Handle::Conductance(first) = last.first
            && (own - first.min(own)) as usize == last.parameters.len()
        {
            last.parameters.end = k + 1;
            continue;
        }
        runs.push(Run {
            parameters: k..k + 1,
            first: handle,
        });
    }
    runs
}
