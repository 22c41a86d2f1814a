//! The guide as a reader follows it: its files are written, its commands are run, page by page.

use std::path::Path;
use std::process::Command;

/// A block of a page: what stands behind its fence, and its text.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks: Vec<(&str, String)> = Vec::new();
    let mut is_open = false;
    for line in page.lines() {
        match (line.strip_prefix("```"), is_open) {
            (Some(info), false) => {
                blocks.push((info, String::new()));
                is_open = true;
            }
            (Some(_), true) => is_open = false,
            (None, true) => {
                if let Some((_, text)) = blocks.last_mut() {
                    *text += &format!("{line}\n");
                }
            }
            (None, false) => {}
        }
    }
    blocks
}

/// Words as a shell takes them apart, with single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().expect("a word").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn commands_of_the_guide_do_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let summary = root.join("docs/guide/src/SUMMARY.md");
    let summary = std::fs::read_to_string(summary).expect("a table of contents");
    let pages = summary
        .lines()
        .filter_map(|line| line.split_once("](")?.1.strip_suffix(')'));
    let mut commands = 0;
    for page in pages {
        let text = std::fs::read_to_string(root.join("docs/guide/src").join(page)).expect(page);
        let folder = tempfile::tempdir().expect("a folder");
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.join("circuits"), folder.path().join("circuits"))
            .expect("a link");
        for (info, text) in blocks(&text) {
            if let Some((_, name)) = info.split_once("file=") {
                std::fs::write(folder.path().join(name), &text).expect("a file");
            }
            let Some(outcome) = info.strip_prefix("sh") else {
                continue;
            };
            for line in text.lines() {
                let words = words(line);
                assert_eq!(words[0], "ohmgrad", "{page}: {line}");
                let output = Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
                    .current_dir(folder.path())
                    .args(&words[1..])
                    .output()
                    .expect("the program runs");
                let said = String::from_utf8_lossy(&output.stderr);
                let is_failure = outcome == " fails";
                assert_eq!(
                    output.status.success(),
                    !is_failure,
                    "{page}: {line}\n{said}"
                );
                commands += 1;
            }
        }
    }
    assert!(commands > 15, "{commands}");
}

#[test]
fn messages_of_the_guide_are_those_of_the_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = |name: &str, deck: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(name), deck).expect("a file");
        let command = if name.ends_with("toml") {
            "train"
        } else {
            "op"
        };
        let output = Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
            .current_dir(folder.path())
            .args([command, name])
            .output()
            .expect("the program runs");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let page = root.join("docs/guide/src/troubleshooting.md");
    let page = std::fs::read_to_string(page).expect("a page");
    for (name, deck, message) in [
        (
            "a.cir",
            "t\nr1 a b 1\n",
            "has no ground: no element touches node 0",
        ),
        (
            "a.cir",
            "t\nv1 a 0 1\nv2 a 0 2\n",
            "loop of voltage sources: ",
        ),
        (
            "a.cir",
            "t\nv1 a 0 1\nq1 a b c m\n",
            "is an element of an unknown kind",
        ),
        (
            "a.cir",
            "t\ni1 a 0 1\n",
            "is reached only through current sources",
        ),
        ("a.toml", "[circuit]\ndeck = \"a.cir\"\n", "missing field "),
    ] {
        let said = run(name, deck);
        assert!(said.contains(message), "{message}: {said}");
        assert!(
            page.contains(message.trim_end()),
            "the page lacks {message}"
        );
    }
}
