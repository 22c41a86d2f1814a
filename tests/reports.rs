//! Pages about training runs: whole, safe, and about these runs.

use std::path::Path;
use std::process::{Command, Output};

fn ohmgrad(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn train(file: Option<&str>, out: &Path, more: &[&str]) {
    let out = out.to_str().expect("a path in UTF-8");
    let arguments = [&["train"], file.as_slice(), &["--out", out], more].concat();
    let output = ohmgrad(&arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next().expect("a digit")).to_digit(16);
        bytes.push(match byte {
            b'%' => (16 * digit().expect("hex") + digit().expect("hex")) as u8,
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// Checks that a page is well formed, fetches and runs nothing, and describes its pictures; returns its text and
/// its pictures.
fn examine(page: &Path) -> (String, Vec<String>) {
    let html = std::fs::read_to_string(page).expect("a page");
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..Default::default()
    };
    let document = roxmltree::Document::parse_with_options(&html, options).expect("well formed");
    let mut pictures = Vec::new();
    for node in document.descendants().filter(|n| n.is_element()) {
        assert_ne!(node.tag_name().name(), "script");
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(!name.starts_with("on"), "{name}");
            if ["src", "href", "srcset", "data", "action"].contains(&name) {
                assert!(value.starts_with("data:"), "{name}={value}");
            }
        }
        if node.tag_name().name() == "img" {
            assert!(node.attribute("alt").is_some_and(|words| words.len() > 10));
            let source = node.attribute("src").expect("a picture");
            let svg = decoded(source.strip_prefix("data:image/svg+xml,").expect("SVG"));
            roxmltree::Document::parse(&svg).expect("well-formed SVG");
            pictures.push(svg);
        }
    }
    assert!(!html.contains("url(") && !html.contains("@import"));
    let texts = document.descendants().filter_map(|n| n.text());
    (texts.collect::<Vec<_>>().join("\n"), pictures)
}

#[test]
fn a_page_has_what_a_run_says_and_nothing_of_it_becomes_markup() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("a<b>&\"c'");
    train(None, &run, &["--epochs", "2", "--report"]);
    let (text, pictures) = examine(&run.join("report.html"));
    assert!(text.contains("Training of a<b>&\"c'"), "{text}");
    let result = std::fs::read_to_string(run.join("result.json")).expect("a result");
    let result: serde_json::Value = serde_json::from_str(&result).expect("JSON");
    let accuracy = 100.0 * result["test_accuracy"].as_f64().expect("an accuracy");
    assert!(text.contains(&format!("{accuracy:.2} %")), "{text}");
    for head in ["Confusion matrix", "Convergence", "class 9", "[circuit"] {
        assert!(text.contains(head), "{head}: {text}");
    }
    let titles = [
        "Test samples of the largest loss",
        "Conductances before training and after",
    ];
    for title in titles {
        assert!(pictures.iter().any(|svg| svg.contains(title)), "{title}");
    }
    // A slip of the pen costs nothing.
    let config = run.join("config.toml");
    let before = std::fs::read(&config).expect("a training file");
    let arguments = [
        "report",
        run.to_str().expect("UTF-8"),
        "--out",
        config.to_str().expect("UTF-8"),
    ];
    assert_eq!(ohmgrad(&arguments).status.code(), Some(2));
    assert_eq!(std::fs::read(&config).expect("a training file"), before);
    // Nothing of it depends on when it is made.
    let again = folder.path().join("again.html");
    let [run, again_name] = [&run, &again].map(|path| path.to_str().expect("UTF-8"));
    assert!(
        ohmgrad(&["report", run, "--out", again_name])
            .status
            .success()
    );
    let [first, second] = [&Path::new(run).join("report.html"), &again].map(std::fs::read);
    assert_eq!(first.expect("a page"), second.expect("a page"));
}

#[test]
fn several_runs_are_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let runs = ["1", "2"].map(|seed| {
        let run = folder.path().join(format!("seed{seed}"));
        let file = "circuits/learning/moons.toml";
        train(Some(file), &run, &["--epochs", "2", "--seed", seed]);
        run.to_str().expect("UTF-8").to_string()
    });
    let out = folder.path().join("both.html");
    let arguments = [
        "report",
        &runs[0],
        &runs[1],
        "--out",
        out.to_str().expect("UTF-8"),
    ];
    assert!(ohmgrad(&arguments).status.success());
    let (text, pictures) = examine(&out);
    assert!(text.contains("mean ± standard deviation"), "{text}");
    assert!(text.contains("seed1") && text.contains("seed2"));
    assert!(pictures.iter().any(|svg| svg.contains("Training, 2 runs")));
    assert!(
        pictures
            .iter()
            .any(|svg| svg.contains("What the circuit decides"))
    );
}

#[test]
fn a_folder_that_is_no_run_is_told_and_no_page_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    let output = ohmgrad(&["report", path]);
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.starts_with("error: ") && stderr.contains(path),
        "{stderr}"
    );
    assert!(!folder.path().join("report.html").exists());
    let run = folder.path().join("moons");
    train(
        Some("circuits/learning/moons.toml"),
        &run,
        &["--epochs", "1"],
    );
    std::fs::write(run.join("checkpoint.bin"), "ohmgrad-checkpoint 3").expect("a torn file");
    std::fs::remove_file(run.join("checkpoint.previous.bin")).expect("a file");
    let output = ohmgrad(&["report", run.to_str().expect("UTF-8")]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("checkpoint.bin"), "{stderr}");
    assert!(!run.join("report.html").exists());
}

/// Debian's chromium, where it is installed: no message of its console, light and dark.
#[test]
fn a_browser_shows_a_page_without_complaint() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("moons");
    train(
        Some("circuits/learning/moons.toml"),
        &run,
        &["--epochs", "2", "--report"],
    );
    for scheme in ["0", "1"] {
        let picture = folder.path().join(format!("{scheme}.png"));
        let browser = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--enable-logging=stderr",
            ])
            // Whatever is not in the file cannot be found.
            .arg("--host-resolver-rules=MAP * ~NOTFOUND")
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
            .arg(format!("--screenshot={}", picture.display()))
            .arg(format!("file://{}", run.join("report.html").display()))
            .output();
        let Ok(output) = browser else {
            eprintln!("skipped: there is no chromium");
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("CONSOLE"), "{said}");
        assert!(
            std::fs::metadata(picture).is_ok_and(|file| file.len() > 10_000),
            "{said}"
        );
    }
}
