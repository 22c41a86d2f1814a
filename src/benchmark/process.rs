//! Processes with a time limit, and what they took.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How a process ended.
pub enum End {
    Exited {
        status: ExitStatus,
        seconds: f64,
        /// As it was seen last.
        peak_bytes: Option<u64>,
    },
    OverLimit,
}

/// Longest time between two looks at a process; shorter ones look more often.
const LONGEST_SLEEP: Duration = Duration::from_millis(5);
const SHORTEST_SLEEP: Duration = Duration::from_micros(100);

/// Runs a command to its end or to `limit`, then it is killed. What it prints goes to the two files.
///
/// # Errors
/// If it cannot be started or waited for.
pub fn run(
    command: &mut Command,
    limit: Duration,
    [out, error]: [&Path; 2],
) -> std::io::Result<End> {
    command
        .stdin(Stdio::null())
        .stdout(File::create(out)?)
        .stderr(File::create(error)?);
    let began = Instant::now();
    let mut child = Guard(command.spawn()?);
    let name = child.0.id().to_string();
    let mut peak = None;
    loop {
        if let Some(status) = child.0.try_wait()? {
            return Ok(End::Exited {
                status,
                seconds: began.elapsed().as_secs_f64(),
                peak_bytes: peak,
            });
        }
        let elapsed = began.elapsed();
        if elapsed >= limit {
            return Ok(End::OverLimit);
        }
        peak = peak_bytes(&name).or(peak);
        std::thread::sleep((elapsed / 50).clamp(SHORTEST_SLEEP, LONGEST_SLEEP));
    }
}

/// Whatever happens here, the process does not outlive it.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The most memory that a process (`self` or a number) has held; none where the system does not tell.
pub fn peak_bytes(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
