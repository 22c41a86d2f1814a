//! What people read when a deck is wrong: every deck under `circuits/invalid` and `circuits/warn`.

use std::path::{Path, PathBuf};
use std::process::Command;

fn decks(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut decks: Vec<_> = std::fs::read_dir(root.join(folder))
        .expect("the folder of decks")
        .map(|entry| entry.expect("a folder entry").path())
        .map(|path| {
            path.strip_prefix(root)
                .expect("a path below the root")
                .to_path_buf()
        })
        .collect();
    decks.sort();
    decks
}

/// Exit code and standard error of `ohmgrad op`.
fn run(deck: &Path) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("op")
        .arg(deck)
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8(output.stderr).expect("messages are UTF-8");
    (output.status.code().expect("an exit code"), stderr)
}

fn snapshot_name(deck: &Path) -> String {
    deck.file_stem()
        .expect("a file name")
        .to_string_lossy()
        .into_owned()
}

#[test]
fn every_invalid_deck_gets_a_message_with_its_place_and_a_way_out() {
    let decks = decks("circuits/invalid");
    assert!(decks.len() >= 60, "only {} decks", decks.len());
    for deck in decks {
        let (code, message) = run(&deck);
        assert!(
            code == 3 || code == 4,
            "{}: exit code {code}",
            deck.display()
        );
        // A fault in an included file is shown there.
        let place = format!("{}:", deck.display());
        assert!(
            message.contains(&place) || message.contains(".lib:"),
            "{} is not named:\n{message}",
            deck.display()
        );
        assert!(
            message.contains("help:"),
            "{}: no way out:\n{message}",
            deck.display()
        );
        insta::assert_snapshot!(snapshot_name(&deck), format!("exit code {code}\n{message}"));
    }
}

#[test]
fn every_odd_deck_runs_with_a_warning() {
    for deck in decks("circuits/warn") {
        let (code, message) = run(&deck);
        assert_eq!(code, 0, "{}:\n{message}", deck.display());
        assert!(
            message.starts_with("warning: "),
            "{}:\n{message}",
            deck.display()
        );
        insta::assert_snapshot!(format!("warn_{}", snapshot_name(&deck)), message);
    }
}
