//! ngspice itself, where it is on PATH.

use std::collections::HashMap;
use std::process::Command;

/// Options under which ngspice settles as well as double precision allows.
#[allow(dead_code)]
pub const TIGHT: &str = ".options reltol=1e-12 abstol=1e-18 vntol=1e-15 itl1=2000";

pub fn is_available() -> bool {
    let found = Command::new("ngspice").arg("--version").output().is_ok();
    if !found {
        println!("skipped: ngspice is not on PATH");
    }
    found
}

/// The operating point of a deck as ngspice prints it: `name = value`.
pub fn operating_point(deck: &str, options: &str) -> HashMap<String, f64> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deck.cir");
    let control = ".control\nset numdgt=17\nop\nprint all\n.endc\n.end\n";
    let body = deck.trim_end().trim_end_matches(".end");
    std::fs::write(&path, format!("{body}\n{options}\n{control}")).expect("a deck");
    let output = Command::new("ngspice")
        .arg("-b")
        .arg(&path)
        .output()
        .expect("ngspice runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = |line: &str| {
        let (name, value) = line.split_once(" = ")?;
        Some((name.trim().to_lowercase(), value.trim().parse().ok()?))
    };
    text.lines().filter_map(number).collect()
}
