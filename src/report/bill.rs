//! Bills of materials.

use serde_json::{Value, json};

use super::csv::field;
use crate::parts::{Bill, Line};
use crate::units::format_exact;

/// `part,value,unit,model,series,tolerance,count,designators`; designators are separated by spaces.
pub fn csv(bill: &Bill) -> String {
    let mut text = String::from("part,value,unit,model,series,tolerance,count,designators\n");
    for line in &bill.lines {
        let value = line.value.map(format_exact).unwrap_or_default();
        let series = line.series.map_or("", |s| s.name());
        let tolerance = line.series.map(|s| format_exact(s.tolerance()));
        let tolerance = tolerance.unwrap_or_default();
        let Line { part, unit, .. } = line;
        text += &format!(
            "{part},{value},{unit},{},{series},{tolerance},{},{}\n",
            field(&line.model),
            line.count(),
            field(&line.designators.join(" ")),
        );
    }
    text
}

/// The same by key: an array of lines.
pub fn json(bill: &Bill) -> Value {
    let line = |line: &Line| {
        json!({
            "part": line.part,
            "value": line.value,
            "unit": line.unit,
            "model": line.model,
            "series": line.series.map(|s| s.name()),
            "tolerance": line.series.map(|s| s.tolerance()),
            "count": line.count(),
            "designators": line.designators,
        })
    };
    bill.lines.iter().map(line).collect()
}
