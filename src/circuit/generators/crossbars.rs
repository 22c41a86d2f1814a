//! One crossbar, with ideal wires and with wires that have resistance; layers with amplifiers.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::circuit::{Circuit, NodeId, TopologyError};
use crate::device::{Device, Environment, Shockley, ShockleyParameters};

use super::{Clamp, add_clamp, default_diode, resistor};

const GROUND: NodeId = NodeId::GROUND;

/// A crossbar of `rows x columns` resistors between 1 and 100 kohm. Sources of up to 1 V of either sign
/// hold the rows; each column `c<k>` has a load of 1 kohm and a Shockley diode to ground, one way round
/// and the other by turns.
pub fn crossbar(rows: usize, columns: usize, seed: u64) -> Result<Circuit, TopologyError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut c = Circuit::new(format!("{rows} x {columns} crossbar"));
    let mut held = Vec::with_capacity(rows);
    for row in 0..rows {
        let node = c.node(&format!("x{row}"));
        let voltage = rng.random_range(-1.0..1.0);
        c.add(
            &format!("v{row}"),
            Device::VoltageSource { voltage },
            [node, GROUND],
        )?;
        held.push(node);
    }
    for column in 0..columns {
        let node = c.node(&format!("c{column}"));
        for (row, &source) in held.iter().enumerate() {
            let ohms = 1e5 / rng.random_range(1.0..100.0);
            c.add(&format!("r{row}_{column}"), resistor(ohms), [source, node])?;
        }
        c.add(&format!("rl{column}"), resistor(1e3), [node, GROUND])?;
        let name = column.to_string();
        add_clamp(Clamp::Shockley, &mut c, &name, node, column % 2 == 0)?;
    }
    Ok(c)
}

/// A diode that selects a cell, in series with the resistance of its memory (ohm).
fn cell(series_resistance: f64) -> Device {
    let card = ShockleyParameters {
        saturation_current: 1e-12,
        series_resistance,
        ..ShockleyParameters::default()
    };
    Shockley::new(card, Environment::default()).map_or(Device::IdealDiode, Device::from)
}

/// A memory of `rows x columns` cells whose wires have 1 ohm from cell to cell. A cell is a selector
/// diode from its word line `w<row>_<column>` to its bit line `b<row>_<column>`, in series with
/// 10 kohm or 1 Mohm as the bit it holds is drawn. Sources of 0.5 to 1.5 V drive the word lines through
/// 100 ohm; each bit line ends at 100 ohm to ground.
pub fn wired_crossbar(rows: usize, columns: usize, seed: u64) -> Result<Circuit, TopologyError> {
    const WIRE: f64 = 1.0;
    const DRIVER: f64 = 100.0;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut c = Circuit::new(format!("{rows} x {columns} crossbar with wire resistance"));
    let states = [cell(1e4), cell(1e6)];
    let mut above: Vec<NodeId> = Vec::new();
    for row in 0..rows {
        let mut left = c.node(&format!("x{row}"));
        let voltage = rng.random_range(0.5..1.5);
        c.add(
            &format!("v{row}"),
            Device::VoltageSource { voltage },
            [left, GROUND],
        )?;
        let mut bits = Vec::with_capacity(columns);
        for column in 0..columns {
            let name = format!("{row}_{column}");
            let (word, bit) = (c.node(&format!("w{name}")), c.node(&format!("b{name}")));
            let ohms = if column == 0 { DRIVER } else { WIRE };
            c.add(&format!("rw{name}"), resistor(ohms), [left, word])?;
            if let Some(&above) = above.get(column) {
                c.add(&format!("rb{name}"), resistor(WIRE), [above, bit])?;
            }
            let state = usize::from(rng.random_bool(0.5));
            c.add(&format!("d{name}"), states[state].clone(), [word, bit])?;
            bits.push(bit);
            left = word;
        }
        above = bits;
    }
    for (column, bit) in above.into_iter().enumerate() {
        c.add(&format!("rs{column}"), resistor(DRIVER), [bit, GROUND])?;
    }
    Ok(c)
}

/// Random sparse layers, each of `width` nodes: every node takes four resistors of 1 to 100 kohm from
/// random nodes of the layer before, and has 100 kohm and a Shockley diode to ground. Between layers lie
/// amplifiers in both directions (Kendall et al. 2020): a voltage twice as large forwards, by a VCVS, and
/// a current half as large backwards, by a CCCS. Sources of up to 2 V of either sign hold the first.
pub fn random_amplifiers(layers: usize, width: usize, seed: u64) -> Result<Circuit, TopologyError> {
    const FAN_IN: usize = 4;
    const GAIN: f64 = 2.0;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut c = Circuit::new(format!("{layers} sparse layers of {width} with amplifiers"));
    let mut before = Vec::with_capacity(width);
    for k in 0..width {
        let node = c.node(&format!("x{k}"));
        let voltage = rng.random_range(-2.0..2.0);
        c.add(
            &format!("v{k}"),
            Device::VoltageSource { voltage },
            [node, GROUND],
        )?;
        before.push(node);
    }
    for layer in 1..=layers {
        let mut nodes = Vec::with_capacity(width);
        for k in 0..width {
            let name = format!("{layer}_{k}");
            let node = c.node(&format!("h{name}"));
            for from in 0..FAN_IN {
                let ohms = 1e5 / rng.random_range(1.0..100.0);
                let other = before[rng.random_range(0..width)];
                c.add(&format!("r{name}_{from}"), resistor(ohms), [other, node])?;
            }
            c.add(&format!("rg{name}"), resistor(1e5), [node, GROUND])?;
            let port = if k % 2 == 0 {
                [node, GROUND]
            } else {
                [GROUND, node]
            };
            c.add(&format!("d{name}"), default_diode(), port)?;
            nodes.push(match layer == layers {
                true => node,
                false => add_amplifier(&mut c, &name, node, GAIN)?,
            });
        }
        before = nodes;
    }
    Ok(c)
}

/// An amplifier in both directions: `gain` times the voltage of `input` forwards, `1/gain` of the current
/// backwards. Returns the node behind it.
pub(super) fn add_amplifier(
    c: &mut Circuit,
    name: &str,
    input: NodeId,
    gain: f64,
) -> Result<NodeId, TopologyError> {
    let (inner, output) = (c.node(&format!("e{name}")), c.node(&format!("a{name}")));
    let forwards = Device::Vcvs { gain };
    c.add_two_port(
        &format!("e{name}"),
        forwards,
        [inner, GROUND],
        [input, GROUND],
    )?;
    let ammeter = Device::VoltageSource { voltage: 0.0 };
    let ammeter = c.add(&format!("vm{name}"), ammeter, [inner, output])?;
    let backwards = Device::Cccs { gain: 1.0 / gain };
    c.add_controlled(&format!("f{name}"), backwards, [input, GROUND], ammeter)?;
    Ok(output)
}
