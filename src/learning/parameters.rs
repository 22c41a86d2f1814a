//! Which parameters train, in which coordinates, within which bounds.

use std::ops::Range;

use glob_match::glob_match;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::circuit::{Circuit, ElementId, ParameterId, canonical};
use crate::device::{Device, Parameter};

use rayon::prelude::*;

use super::config::{ConfigError, ParameterGroup, Quantity};
use super::entries::{Entries, Entry};
use super::optimizer::{Optimizer, Step};

/// The vector that an optimizer moves: each entry is a parameter in units of its group's typical
/// value, or the logarithm of it.
#[derive(Clone, Debug)]
pub struct TrainedParameters {
    entries: Entries,
    /// In the order of the entries.
    groups: Vec<Group>,
    /// Coordinates of all parameters.
    pub theta: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Group {
    /// One past its last entry.
    end: usize,
    log: bool,
    min: f64,
    max: f64,
    rate: f64,
    /// Typical magnitude of the initial values: the unit of `theta`.
    unit: f64,
}

impl TrainedParameters {
    /// Resolves the groups and spreads initial values as they ask; the circuit gets those values.
    ///
    /// # Errors
    /// A glob without a match, an unknown quantity, a parameter named twice.
    pub fn resolve(
        circuit: &mut Circuit,
        groups: &[ParameterGroup],
        seed: u64,
    ) -> Result<Self, ConfigError> {
        let mut trained = Self {
            entries: Entries::default(),
            groups: Vec::new(),
            theta: Vec::new(),
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(1);
        for group in groups {
            let entries = match_group(circuit, group)?;
            if let Some(element) = trained.entries.first_shared(&entries) {
                return Err(ConfigError::Value {
                    field: "elements of [[parameters]]".to_string(),
                    value: format!("`{}`", group.elements),
                    expected: format!(
                        "groups that do not overlap; `{}` is in two of them",
                        circuit.element(element).name()
                    ),
                });
            }
            trained.add_group(circuit, group, entries, &mut rng)?;
        }
        trained.write(circuit);
        Ok(trained)
    }

    fn add_group(
        &mut self,
        circuit: &Circuit,
        group: &ParameterGroup,
        entries: Entries,
        rng: &mut ChaCha8Rng,
    ) -> Result<(), ConfigError> {
        let min = group.min.unwrap_or(f64::NEG_INFINITY);
        let max = group.max.unwrap_or(f64::INFINITY);
        let mut values = Vec::with_capacity(entries.len());
        for entry in entries.iter() {
            let factor = match group.spread {
                0.0 => 1.0,
                spread => f64::exp(rng.random_range(-spread..spread)),
            };
            values.push((entry.quantity(circuit) * factor).clamp(min, max));
        }
        if let (true, Some(bad)) = (group.log, values.iter().find(|v| !(**v > 0.0))) {
            return Err(ConfigError::Value {
                field: format!("log of the parameters `{}`", group.elements),
                value: "true".to_string(),
                expected: format!("false, since one of them is {bad} and has no logarithm"),
            });
        }
        let mean = values.iter().map(|v| v.abs()).sum::<f64>() / values.len() as f64;
        let unit = if mean > 0.0 { mean } else { 1.0 };
        let group = Group {
            end: self.entries.len() + entries.len(),
            log: group.log,
            min,
            max,
            rate: group.rate,
            unit,
        };
        self.theta
            .extend(values.iter().map(|&v| group.coordinate(v)));
        self.entries.append(entries);
        self.groups.push(group);
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The parameter behind each coordinate, and whether what trains is its reciprocal.
    pub fn entries(&self) -> impl Iterator<Item = (ParameterId, bool)> + '_ {
        self.entries.iter().map(|e| (e.id, e.is_reciprocal))
    }

    /// The parameter behind each coordinate.
    pub fn ids(&self) -> impl Iterator<Item = ParameterId> + '_ {
        self.entries.iter().map(|e| e.id)
    }

    /// Factor of each coordinate on the optimizer's rate.
    pub fn rates(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.len()).map(|k| self.group(k).rate)
    }

    /// The coordinates of each group, in the order of the training file.
    pub fn group_ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let starts = std::iter::once(0).chain(self.groups.iter().map(|group| group.end));
        starts
            .zip(&self.groups)
            .map(|(start, group)| start..group.end)
    }

    /// The group of entry `k`.
    fn group(&self, k: usize) -> &Group {
        &self.groups[self.groups.partition_point(|group| group.end <= k)]
    }

    /// The quantity behind coordinate `k` (S, ohm, V, …), within its bounds.
    pub fn quantity(&self, k: usize) -> f64 {
        let group = self.group(k);
        group.quantity(self.theta[k]).clamp(group.min, group.max)
    }

    /// Least and largest value of the quantity behind coordinate `k`.
    pub fn bounds(&self, k: usize) -> (f64, f64) {
        let group = self.group(k);
        (group.min, group.max)
    }

    /// Typical magnitude of the quantities that train with that of coordinate `k`, in its unit.
    pub fn unit(&self, k: usize) -> f64 {
        self.group(k).unit
    }

    /// Puts the quantity behind coordinate `k` to `quantity`, or to the nearest bound.
    pub fn set_quantity(&mut self, k: usize, quantity: f64) {
        let group = self.group(k);
        self.theta[k] = group.coordinate(quantity.clamp(group.min, group.max));
    }

    /// `d quantity / d parameter`: a conductance falls as its resistance rises.
    pub fn slope_of_quantity(&self, k: usize) -> f64 {
        let quantity = self.quantity(k);
        match self.entries.at(k).is_reciprocal {
            true => -quantity * quantity,
            false => 1.0,
        }
    }

    /// Moves by one step of the optimizer against the derivatives to the quantities, which `derive`
    /// writes for a range of coordinates, and writes the new ones to `quantities`. Every parameter of the
    /// ranges in `own` moves by itself, side by side with the others; the rest stays.
    pub(super) fn take_step(
        &mut self,
        (optimizer, step): (&mut Optimizer, &Step),
        own: &[Range<usize>],
        derive: impl Fn(usize, &mut [f64]) + Sync,
        quantities: &mut [f64],
    ) {
        const CHUNK: usize = 2048;
        let (first, second) = optimizer.moments_mut();
        let groups = &self.groups;
        let moments = first
            .par_chunks_mut(CHUNK)
            .zip(second.par_chunks_mut(CHUNK));
        let chunks = self
            .theta
            .par_chunks_mut(CHUNK)
            .zip(quantities.par_chunks_mut(CHUNK));
        chunks
            .zip(moments)
            .enumerate()
            .for_each(|(chunk, ((theta, values), (first, second)))| {
                let mut buffer = [0.0; CHUNK];
                let start = chunk * CHUNK;
                let first_own = own.partition_point(|own| own.end <= start);
                let length = theta.len();
                let in_chunk = |k: usize| k.saturating_sub(start).min(length);
                let owns = own[first_own..].iter();
                let owns = owns.take_while(|own| own.start < start + length);
                for own in owns.map(|own| in_chunk(own.start)..in_chunk(own.end)) {
                    derive(start + own.start, &mut buffer[own.clone()]);
                    let mut from = own.start;
                    let place = groups.partition_point(|group| group.end <= start + from);
                    for group in &groups[place..] {
                        // The parameters of the range that train alike.
                        let run = from..(group.end - start).min(own.end);
                        let memory = (&mut first[run.clone()], &mut second[run.clone()]);
                        let values = (&mut theta[run.clone()], &mut values[run.clone()]);
                        group.move_along(step, &buffer[run.clone()], values, memory);
                        from = run.end;
                        if from == own.end {
                            break;
                        }
                    }
                }
            });
    }

    /// Turns derivatives to the deck's parameters into derivatives to the coordinates, in place.
    pub fn chain_rule(&self, circuit: &Circuit, gradient: &mut [f64]) {
        for (k, (entry, g)) in self.entries.iter().zip(gradient).enumerate() {
            let quantity = entry.quantity(circuit);
            let to_quantity = if entry.is_reciprocal {
                -1.0 / (quantity * quantity)
            } else {
                1.0
            };
            let group = self.group(k);
            let to_coordinate = if group.log { quantity } else { group.unit };
            *g *= to_quantity * to_coordinate;
        }
    }

    /// Puts every coordinate within its bounds and gives the circuit the values.
    pub fn write(&mut self, circuit: &mut Circuit) {
        let mut theta = std::mem::take(&mut self.theta);
        for (k, (entry, theta)) in self.entries.iter().zip(&mut theta).enumerate() {
            let group = self.group(k);
            let wanted = group.quantity(*theta);
            let quantity = wanted.clamp(group.min, group.max);
            // Only a bound moves the coordinate: writing twice must give the same bits.
            if quantity != wanted {
                *theta = group.coordinate(quantity);
            }
            let value = if entry.is_reciprocal {
                1.0 / quantity
            } else {
                quantity
            };
            // A value that the device cannot take (an area of zero, say) leaves the last one.
            let _ = circuit.set(entry.id, value);
        }
        self.theta = theta;
    }
}

impl Group {
    /// Moves coordinates against the derivatives to their quantities, within the bounds.
    fn move_along(
        &self,
        step: &Step,
        gradient: &[f64],
        (theta, quantities): (&mut [f64], &mut [f64]),
        (first, second): (&mut [f64], &mut [f64]),
    ) {
        if self.log {
            let slopes = gradient.iter().zip(&*quantities).map(|(g, q)| g * q);
            step.advance(self.rate, slopes, theta, first, second);
            for (theta, quantity) in theta.iter_mut().zip(quantities) {
                let wanted = theta.exp();
                *quantity = wanted.clamp(self.min, self.max);
                if *quantity != wanted {
                    *theta = quantity.ln();
                }
            }
            return;
        }
        let (unit, min, max) = (self.unit, self.min, self.max);
        let slopes = gradient.iter().map(move |g| g * unit);
        step.advance(self.rate, slopes, theta, first, second);
        let (low, high) = (self.coordinate(min), self.coordinate(max));
        pulp::Arch::new().dispatch(
            #[inline(always)]
            move || {
                let (theta, quantities) = (theta, quantities);
                for (theta, quantity) in theta.iter_mut().zip(quantities) {
                    let wanted = *theta * unit;
                    // Only a bound moves the coordinate: writing twice must give the same bits.
                    let above = if wanted < min { low } else { *theta };
                    *theta = if wanted > max { high } else { above };
                    let bounded = if wanted < min { min } else { wanted };
                    *quantity = if wanted > max { max } else { bounded };
                }
            },
        );
    }

    fn coordinate(&self, quantity: f64) -> f64 {
        if self.log {
            quantity.ln()
        } else {
            quantity / self.unit
        }
    }

    fn quantity(&self, theta: f64) -> f64 {
        if self.log {
            theta.exp()
        } else {
            theta * self.unit
        }
    }
}

fn match_group(circuit: &Circuit, group: &ParameterGroup) -> Result<Entries, ConfigError> {
    let glob = canonical(&group.elements);
    let mut entries = Entries::default();
    for (id, element) in circuit
        .elements()
        .filter(|(_, e)| glob_match(&glob, &e.name()))
    {
        let found = find_quantity(&element.device, group.quantity.as_ref());
        let Some((parameter, is_reciprocal)) = found else {
            return Err(unknown_quantity(circuit, group, id));
        };
        let id = ParameterId {
            element: id,
            parameter,
        };
        entries.push(Entry { id, is_reciprocal });
    }
    if entries.is_empty() {
        return Err(ConfigError::NoMatch {
            field: "[[parameters]] elements",
            pattern: group.elements.clone(),
            what: "element",
            help: "use the names of the deck, with * for any rest: `r*`".to_string(),
        });
    }
    Ok(entries)
}

fn find_quantity(device: &Device, quantity: Option<&Quantity>) -> Option<(Parameter, bool)> {
    let is_resistor = matches!(device, Device::Resistor { resistance } if *resistance != 0.0);
    match quantity {
        None if is_resistor => Some((Parameter::Resistance, true)),
        None => device.parameters().first().map(|p| (*p, false)),
        Some(Quantity::Conductance) if is_resistor => Some((Parameter::Resistance, true)),
        Some(Quantity::Conductance) => named(device, "conductance"),
        Some(Quantity::Named(name)) => named(device, name),
    }
}

fn named(device: &Device, name: &str) -> Option<(Parameter, bool)> {
    let mut parameters = device.parameters().into_iter();
    parameters
        .find(|p| p.to_string().eq_ignore_ascii_case(name))
        .map(|p| (p, false))
}

fn unknown_quantity(circuit: &Circuit, group: &ParameterGroup, id: ElementId) -> ConfigError {
    let element = circuit.element(id);
    let known: Vec<_> = element
        .device
        .parameters()
        .iter()
        .map(|p| p.to_string())
        .collect();
    let value = match &group.quantity {
        Some(Quantity::Named(name)) => name.clone(),
        Some(Quantity::Conductance) => "conductance".to_string(),
        None => "(none)".to_string(),
    };
    ConfigError::Value {
        field: format!("quantity of the parameters `{}`", group.elements),
        value,
        expected: if known.is_empty() {
            format!("elements with parameters; `{}` has none", element.name())
        } else {
            format!("a parameter of `{}`: {}", element.name(), known.join(", "))
        },
    }
}
