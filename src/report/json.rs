//! JSON for programs. Keys are stable; numbers carry all their digits.

use serde_json::{Map, Value, json};

use crate::adjoint::Derivative;
use crate::analysis::{OperatingPoint, SolveError, Undetermined, check_reciprocal};
use crate::circuit::{Circuit, ElementId};

use crate::execution::Results;

use super::dataset::Dataset;

/// `converged, strategy, iterations, residual, nodes{}, currents{}, power{}` and more; of `cocontent` and
/// `no_cocontent`, the reason why there is none, one is null.
pub fn operating_point(circuit: &Circuit, op: &OperatingPoint) -> Value {
    let c = &op.convergence;
    json!({
        "schema": SCHEMA,
        "title": circuit.title,
        "converged": true,
        "strategy": c.strategy.to_string(),
        "iterations": c.iterations,
        "residual": c.check.residual,
        "uncertainty": c.check.correction,
        "digits": c.check.digits(),
        "worst_node": circuit.node_name(op.worst_node),
        "nodes": nodes(circuit, op),
        "currents": currents(circuit, op),
        "power": power(circuit, op),
        "diodes": diodes(circuit, op),
        "undetermined": undetermined(circuit, op),
        "power_taken": op.power_taken(),
        "power_dissipated": op.power_dissipated(circuit),
        "power_delivered": op.power_delivered(circuit),
        "power_balance": op.power_balance(),
        "cocontent": op.cocontent,
        "no_cocontent": check_reciprocal(circuit).err().map(|error| error.to_string()),
    })
}

/// The same keys when no operating point was found.
pub fn no_operating_point(circuit: &Circuit, error: &SolveError) -> Value {
    let SolveError::NoConvergence {
        node,
        failure,
        open,
    } = error
    else {
        return json!({ "schema": SCHEMA, "title": circuit.title, "converged": false, "error": error.to_string() });
    };
    let attempts: Vec<_> = failure
        .attempts
        .iter()
        .map(|a| {
            json!({
                "strategy": a.strategy.to_string(),
                "iterations": a.iterations,
                "outcome": a.outcome.to_string(),
            })
        })
        .collect();
    json!({
        "schema": SCHEMA,
        "title": circuit.title,
        "converged": false,
        "residual": finite(failure.check.residual),
        "worst_node": node,
        "attempts": attempts,
        "open": open,
        "error": error.to_string(),
    })
}

/// `output, value, gradients: [{variable, element, parameter, value, gradient}]`; the element of named
/// parameters and of the temperature is null.
pub fn gradient(circuit: &Circuit, output: &str, value: f64, derivatives: &[Derivative]) -> Value {
    let entry = |d: &Derivative| {
        let (owner, parameter) = d.owner_and_parameter(circuit);
        json!({
            "variable": d.name,
            "element": owner.as_deref(),
            "parameter": parameter,
            "value": finite(d.value),
            "gradient": finite(d.gradient),
        })
    };
    let entries: Vec<_> = derivatives.iter().map(entry).collect();
    json!({ "output": output, "value": value, "gradients": entries })
}

/// Version of the layout of [`datasets`]; a key that goes or changes its meaning makes a new one.
pub const SCHEMA: u32 = 1;

/// `schema, datasets: [{title, analysis, plot, variables: [{name, unit, sweep}], shape, steps{},
/// data{}}]`: data holds an array for each variable, with null for what is no finite number.
pub fn datasets(datasets: &[Dataset]) -> Value {
    let datasets: Vec<_> = datasets.iter().map(dataset).collect();
    json!({ "schema": SCHEMA, "datasets": datasets })
}

/// As [`datasets`], with `measurements: [{name, steps{}, value, error}]`: of value and error one is null.
pub fn results(results: &Results) -> Value {
    let measurements = results.measurements.iter().map(|m| {
        let value = m.value.as_ref();
        json!({
            "name": m.name,
            "steps": steps(&m.steps),
            "value": value.ok().copied().map_or(Value::Null, finite),
            "error": value.err(),
        })
    });
    let measurements: Vec<_> = measurements.collect();
    let mut value = datasets(&results.datasets());
    value["measurements"] = Value::Array(measurements);
    value
}

fn steps(steps: &[(String, f64)]) -> Value {
    let entries = steps.iter().map(|(n, x)| (n.clone(), finite(*x)));
    Value::Object(entries.collect())
}

fn dataset(dataset: &Dataset) -> Value {
    let variables = dataset
        .variables
        .iter()
        .map(|v| json!({ "name": v.name, "unit": v.unit.symbol(), "sweep": v.is_sweep }));
    let columns = dataset.variables.iter().enumerate();
    let column = |k| dataset.column(k).map(finite).collect::<Vec<_>>();
    let data: Map<_, _> = columns
        .map(|(k, v)| (v.name.clone(), Value::Array(column(k))))
        .collect();
    json!({
        "title": dataset.title,
        "analysis": dataset.analysis,
        "plot": dataset.plot,
        "variables": variables.collect::<Vec<_>>(),
        "shape": dataset.shape,
        "steps": steps(&dataset.steps),
        "data": data,
    })
}

/// Pretty text with a final line end.
pub fn text(value: &Value) -> String {
    format!("{value:#}\n")
}

fn nodes(circuit: &Circuit, op: &OperatingPoint) -> Value {
    let entry = |(id, node): (crate::circuit::NodeId, &crate::circuit::Node)| {
        (node.name.to_string(), json!(op.potentials[id.index()]))
    };
    Value::Object(circuit.nodes().skip(1).map(entry).collect())
}

/// By element; the second port of a two-port is `name#2`.
fn currents(circuit: &Circuit, op: &OperatingPoint) -> Value {
    let mut map = Map::new();
    for (_, element) in circuit.elements() {
        for (port, branch) in element.branches().enumerate() {
            let suffix = if port == 0 { "" } else { "#2" };
            map.insert(
                format!("{}{suffix}", element.name()),
                json!(op.currents[branch.index()]),
            );
        }
    }
    Value::Object(map)
}

fn power(circuit: &Circuit, op: &OperatingPoint) -> Value {
    let entries = circuit.elements().zip(&op.power);
    Value::Object(
        entries
            .map(|((_, e), p)| (e.name().to_string(), json!(p)))
            .collect(),
    )
}

fn diodes(circuit: &Circuit, op: &OperatingPoint) -> Value {
    let entry = |d: &crate::analysis::Diode| {
        let state = json!({
            "state": d.state,
            "voltage": d.voltage,
            "current": d.current,
            "conductance": finite(d.conductance),
        });
        (circuit.element(d.element).name().to_string(), state)
    };
    Value::Object(op.diodes.iter().map(entry).collect())
}

/// `[{kind: "floating_nodes", nodes, bounded_by, low, high, chosen}, {kind: "open_split", elements,
/// chosen}]`: low, high and chosen are potentials of the first node, with null for no bound; chosen of a
/// split are the currents of its elements.
fn undetermined(circuit: &Circuit, op: &OperatingPoint) -> Value {
    let elements = |ids: &[ElementId]| -> Vec<String> {
        let names = ids.iter().map(|&id| circuit.element(id).name().to_string());
        names.collect()
    };
    let entry = |open: &Undetermined| match open {
        Undetermined::FloatingNodes {
            nodes,
            bounded_by,
            low,
            high,
            chosen,
        } => json!({
            "kind": "floating_nodes",
            "nodes": nodes.iter().map(|&id| circuit.node_name(id)).collect::<Vec<_>>(),
            "bounded_by": elements(bounded_by),
            "low": low,
            "high": high,
            "chosen": chosen,
        }),
        Undetermined::OpenSplit {
            elements: ids,
            chosen,
        } => json!({ "kind": "open_split", "elements": elements(ids), "chosen": chosen }),
    };
    Value::Array(op.undetermined(circuit).iter().map(entry).collect())
}

/// JSON has no infinity: a short's conductance is null.
fn finite(value: f64) -> Value {
    if value.is_finite() {
        json!(value)
    } else {
        Value::Null
    }
}
