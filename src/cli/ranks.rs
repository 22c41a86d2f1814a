//! The processes that `mpirun` has started, if it has.

use std::sync::Arc;

use crate::parallel::{Poll, Ranks, from_first, gather_words};

use super::Failure;

/// Variables that tell how many processes there are: of Open MPI, of MPICH and its kin.
const SIZES: [&str; 2] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"];

/// The same of those on this machine.
const LOCAL_SIZES: [&str; 2] = ["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"];

fn number(names: [&str; 2]) -> Option<usize> {
    let texts = names
        .into_iter()
        .filter_map(|name| std::env::var(name).ok());
    texts.filter_map(|text| text.parse().ok()).next()
}

/// Threads of each process: those asked for, or its part of the cores.
pub fn threads(asked: Option<usize>) -> Option<usize> {
    let beside = number(LOCAL_SIZES).or_else(|| number(SIZES));
    match (asked, beside) {
        (None | Some(0), Some(beside @ 2..)) => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            Some((cores / beside).max(1))
        }
        _ => asked,
    }
}

/// The processes of a job; one that is alone has nothing to agree upon.
#[derive(Clone, Debug)]
pub struct Team(Option<Arc<dyn Ranks>>);

impl Team {
    pub fn ranks(&self) -> Option<Arc<dyn Ranks>> {
        self.0.clone()
    }

    /// True for the process that writes files and speaks.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    pub fn rank(&self) -> usize {
        self.0.as_ref().map_or(0, |ranks| ranks.rank())
    }

    pub fn size(&self) -> usize {
        self.0.as_ref().map_or(1, |ranks| ranks.size())
    }

    /// What the first process says.
    pub fn ask_first(&self, own: &str) -> String {
        match &self.0 {
            Some(ranks) => {
                let bytes = from_first(&**ranks, own.as_bytes());
                String::from_utf8_lossy(&bytes).into_owned()
            }
            None => own.to_string(),
        }
    }

    /// What each process says, in order; nobody goes on before all have spoken.
    pub fn ask_all<const N: usize>(&self, own: [f64; N]) -> Vec<[f64; N]> {
        match &self.0 {
            Some(ranks) => gather_words(&**ranks, &own).as_chunks().0.to_vec(),
            None => vec![own],
        }
    }

    /// What each process has said to a poll, in order: what came to pass since then keeps nobody waiting.
    /// Nothing if none has spoken, or for a process that is alone.
    pub fn hear<const N: usize>(&self, poll: &mut Poll) -> Vec<[f64; N]> {
        let heard = self.0.as_ref().and_then(|ranks| poll.hear(&**ranks));
        heard.map_or(Vec::new(), |heard| heard.as_chunks().0.to_vec())
    }

    /// Tells a poll, which is heard before the next time.
    pub fn say<const N: usize>(&self, poll: &mut Poll, own: [f64; N]) {
        if let Some(ranks) = &self.0 {
            poll.say(&**ranks, &own);
        }
    }
}

/// Runs `work` on every process that `mpirun` has started. If one fails, all end, and the message comes once.
#[cfg(not(feature = "mpi"))]
pub fn run(work: impl FnOnce(Team) -> Result<(), Failure>) -> Result<(), Failure> {
    if let Some(size @ 2..) = number(SIZES) {
        return Err(Failure::arguments(format!(
            "error: started as one of {size} processes, but this ohmgrad is built without MPI\n  help: \
             build it with `cargo build --release --features mpi`, or start it without mpirun"
        )));
    }
    work(Team(None))
}

/// Runs `work` on every process that `mpirun` has started. If one fails, all end, and the message comes once.
#[cfg(feature = "mpi")]
pub fn run(work: impl FnOnce(Team) -> Result<(), Failure>) -> Result<(), Failure> {
    use crate::parallel::World;

    if number(SIZES).is_none() {
        return work(Team(None));
    }
    let Some((_session, world)) = World::begin() else {
        return Err(Failure::failed("error: MPI does not start"));
    };
    let world = Arc::new(world);
    let ranks: Arc<dyn Ranks> = world.clone();
    match work(Team(Some(ranks))) {
        // An interrupted job has ended on all ranks.
        Err(failure) if failure.code < 128 && world.size() > 1 => end(&world, &failure),
        outcome => outcome,
    }
}

/// Says why the job fails and ends it. What fails on all ranks alike the first one says.
#[cfg(feature = "mpi")]
fn end(world: &crate::parallel::World, failure: &Failure) -> ! {
    use std::time::Duration;

    let patience = match (failure.is_echo(), world.rank()) {
        (true, _) => 10,
        (false, 0) => 0,
        (false, _) => 1,
    };
    std::thread::sleep(Duration::from_secs(patience));
    match world.rank() {
        0 => crate::note!("{}", failure.message),
        rank => crate::note!("rank {rank}: {}", failure.message),
    }
    world.abort(failure.code.max(1))
}
