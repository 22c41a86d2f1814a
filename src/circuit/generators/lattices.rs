//! Meshes with diodes in two and three dimensions, a mesh of rectifier bridges, a power grid.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::circuit::{Circuit, NodeId, TopologyError};
use crate::device::Device;

use super::{default_diode, resistor};

const GROUND: NodeId = NodeId::GROUND;

fn source(c: &mut Circuit, name: &str, node: &str, voltage: f64) -> Result<NodeId, TopologyError> {
    let node = c.node(node);
    let device = Device::VoltageSource { voltage };
    c.add(name, device, [node, GROUND])?;
    Ok(node)
}

/// `rows x columns` nodes `n<row>_<column>`, row by row.
fn plane(c: &mut Circuit, rows: usize, columns: usize) -> Vec<NodeId> {
    let mut nodes = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            nodes.push(c.node(&format!("n{row}_{column}")));
        }
    }
    nodes
}

/// A `rows x columns` mesh of resistors of about 1 kohm. One node in ten has a Shockley diode to ground,
/// one in ten another beside the resistor to its right, and one in twenty-five is driven through
/// 100 ohm by a source of 1 to 5 V of either sign; the first node always is.
pub fn mesh(rows: usize, columns: usize, seed: u64) -> Result<Circuit, TopologyError> {
    const DRIVES: [f64; 6] = [5.0, -5.0, 3.0, -3.0, 1.0, -1.0];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut c = Circuit::new(format!("{rows} x {columns} resistor mesh with some diodes"));
    let mut drives = Vec::with_capacity(DRIVES.len());
    for (k, volts) in DRIVES.into_iter().enumerate() {
        drives.push(source(&mut c, &format!("v{k}"), &format!("s{k}"), volts)?);
    }
    let nodes = plane(&mut c, rows, columns);
    for (index, &here) in nodes.iter().enumerate() {
        let mut r = |kind: char, other: NodeId, ohms: f64, rng: &mut ChaCha8Rng| {
            let device = resistor(ohms * rng.random_range(0.9..1.1));
            c.add(&format!("r{kind}{index}"), device, [here, other])
        };
        let right = ((index + 1) % columns != 0).then(|| nodes[index + 1]);
        if let Some(right) = right {
            r('h', right, 1e3, &mut rng)?;
        }
        if let Some(&below) = nodes.get(index + columns) {
            r('v', below, 1e3, &mut rng)?;
        }
        if index < DRIVES.len() || rng.random_bool(0.04) {
            let drive = drives[match index < DRIVES.len() {
                true => index,
                false => rng.random_range(0..DRIVES.len()),
            }];
            r('d', drive, 100.0, &mut rng)?;
        }
        if rng.random_bool(0.1) {
            c.add(&format!("dg{index}"), default_diode(), [here, GROUND])?;
        }
        if let (true, Some(right)) = (rng.random_bool(0.1), right) {
            c.add(&format!("dh{index}"), default_diode(), [here, right])?;
        }
    }
    Ok(c)
}

/// A cube of `side x side x side` nodes joined by resistors of about 1 kohm, with a Shockley diode from
/// every node to ground; its eight corners are driven by 5 V through 10 ohm.
pub fn cube(side: usize, seed: u64) -> Result<Circuit, TopologyError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut c = Circuit::new(format!(
        "{side} x {side} x {side} resistor grid with diodes"
    ));
    let supply = source(&mut c, "vin", "in", 5.0)?;
    let mut nodes = Vec::with_capacity(side.pow(3));
    for z in 0..side {
        for y in 0..side {
            nodes.extend((0..side).map(|x| c.node(&format!("n{x}_{y}_{z}"))));
        }
    }
    let is_end = |k: usize| k == 0 || k + 1 == side;
    for (index, &here) in nodes.iter().enumerate() {
        let (x, y, z) = (index % side, index / side % side, index / (side * side));
        c.add(&format!("d{index}"), default_diode(), [here, GROUND])?;
        let steps = [('x', x, 1), ('y', y, side), ('z', z, side * side)];
        for (axis, place, stride) in steps {
            if place + 1 < side {
                let device = resistor(1e3 * rng.random_range(0.9..1.1));
                let port = [here, nodes[index + stride]];
                c.add(&format!("r{axis}{index}"), device, port)?;
            }
        }
        if is_end(x) && is_end(y) && is_end(z) {
            c.add(&format!("rc{index}"), resistor(10.0), [supply, here])?;
        }
    }
    Ok(c)
}

/// A `rows x columns` mesh of bridge rectifiers. Each has its two alternating terminals at a node of a
/// resistor mesh (470 ohm) and the node to the right of it, four Shockley diodes and a load of about
/// 1 kohm; one node of the mesh in four is driven through 100 ohm by one of eight sources of 2 to 5 V
/// of either sign, the first always.
pub fn rectifier_mesh(rows: usize, columns: usize, seed: u64) -> Result<Circuit, TopologyError> {
    const DRIVES: [f64; 8] = [5.0, -5.0, 4.0, -4.0, 3.0, -3.0, 2.0, -2.0];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut c = Circuit::new(format!("{rows} x {columns} mesh of bridge rectifiers"));
    let mut drives = Vec::with_capacity(DRIVES.len());
    for (k, volts) in DRIVES.into_iter().enumerate() {
        drives.push(source(&mut c, &format!("v{k}"), &format!("s{k}"), volts)?);
    }
    let width = columns + 1;
    let nodes = plane(&mut c, rows, width);
    for (index, &a) in nodes.iter().enumerate() {
        if index < DRIVES.len() || rng.random_bool(0.25) {
            let drive = drives[match index < DRIVES.len() {
                true => index,
                false => rng.random_range(0..DRIVES.len()),
            }];
            c.add(&format!("rd{index}"), resistor(100.0), [drive, a])?;
        }
        if let Some(&below) = nodes.get(index + width) {
            let ohms = 470.0 * rng.random_range(0.9..1.1);
            c.add(&format!("rv{index}"), resistor(ohms), [a, below])?;
        }
        if (index + 1) % width == 0 {
            continue;
        }
        let b = nodes[index + 1];
        let (plus, minus) = (c.node(&format!("p{index}")), c.node(&format!("m{index}")));
        let arms = [[a, plus], [b, plus], [minus, a], [minus, b]];
        for (k, port) in arms.into_iter().enumerate() {
            c.add(&format!("d{index}_{k}"), default_diode(), port)?;
        }
        let ohms = 1e3 * rng.random_range(0.9..1.1);
        c.add(&format!("rl{index}"), resistor(ohms), [plus, minus])?;
    }
    Ok(c)
}

/// A linear power grid of two layers: a fine mesh of `rows x columns` nodes (1 ohm), a coarse one over
/// every eighth node (0.1 ohm) joined to it by vias (0.2 ohm), pads of 1.8 V behind 10 mohm at every
/// fourth node of the coarse one, and loads of up to 1 mA at three nodes in ten of the fine one.
pub fn power_grid(rows: usize, columns: usize, seed: u64) -> Result<Circuit, TopologyError> {
    const PITCH: usize = 8;
    const PAD: usize = 4;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut c = Circuit::new(format!("{rows} x {columns} power grid"));
    let supply = source(&mut c, "vdd", "vdd", 1.8)?;
    let fine = plane(&mut c, rows, columns);
    for (index, &here) in fine.iter().enumerate() {
        let mut join = |name: String, port, ohms: f64| {
            let device = resistor(ohms * rng.random_range(0.9..1.1));
            c.add(&name, device, port).map(drop)
        };
        if (index + 1) % columns != 0 {
            join(format!("rh{index}"), [here, fine[index + 1]], 1.0)?;
        }
        if let Some(&below) = fine.get(index + columns) {
            join(format!("rv{index}"), [here, below], 1.0)?;
        }
        if rng.random_bool(0.3) {
            let current = rng.random_range(0.0..1e-3);
            c.add(
                &format!("i{index}"),
                Device::CurrentSource { current },
                [here, GROUND],
            )?;
        }
    }
    let (high, wide) = (rows.div_ceil(PITCH), columns.div_ceil(PITCH));
    let mut coarse = Vec::with_capacity(high * wide);
    for k in 0..high * wide {
        coarse.push(c.node(&format!("c{}_{}", k / wide, k % wide)));
    }
    for (k, &here) in coarse.iter().enumerate() {
        let (row, column) = (k / wide, k % wide);
        let via = fine[row * PITCH * columns + column * PITCH];
        c.add(&format!("rw{k}"), resistor(0.2), [here, via])?;
        if column + 1 < wide {
            c.add(&format!("rx{k}"), resistor(0.1), [here, coarse[k + 1]])?;
        }
        if row + 1 < high {
            c.add(&format!("ry{k}"), resistor(0.1), [here, coarse[k + wide]])?;
        }
        if row % PAD == 0 && column % PAD == 0 {
            c.add(&format!("rp{k}"), resistor(0.01), [supply, here])?;
        }
    }
    Ok(c)
}

/// A source drives `stages` Shockley diodes in series, each followed by 10 ohm; 1 V for each stage.
pub fn string(stages: usize) -> Result<Circuit, TopologyError> {
    let mut c = Circuit::new(format!("string of {stages} diodes in series"));
    let mut previous = source(&mut c, "vin", "in", stages as f64)?;
    for k in 1..=stages {
        let (middle, last) = (c.node(&format!("m{k}")), k == stages);
        c.add(&format!("d{k}"), default_diode(), [previous, middle])?;
        let next = if last {
            GROUND
        } else {
            c.node(&format!("n{k}"))
        };
        c.add(&format!("r{k}"), resistor(10.0), [middle, next])?;
        previous = next;
    }
    Ok(c)
}
