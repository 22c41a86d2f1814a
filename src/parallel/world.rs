//! Ranks of MPI.

use std::sync::atomic::{AtomicBool, Ordering};

use bytemuck::Pod;
use mpi::Threading;
use mpi::datatype::{Equivalence, Partition, PartitionMut};
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};

use super::{Parts, Ranks};

/// All ranks of the job.
#[derive(Debug)]
pub struct World {
    rank: usize,
    size: usize,
}

/// MPI may begin once in a process.
static HAS_BEGUN: AtomicBool = AtomicBool::new(false);

/// MPI from its beginning to its end; both belong to the program's first thread.
pub struct Session {
    _universe: Universe,
}

impl World {
    /// Begins MPI. None if it has begun before, or cannot.
    pub fn begin() -> Option<(Session, Self)> {
        if HAS_BEGUN.swap(true, Ordering::SeqCst) {
            return None;
        }
        let (universe, _) = mpi::initialize_with_threading(Threading::Serialized)?;
        let world = SimpleCommunicator::world();
        let own = Self {
            rank: world.rank() as usize,
            size: world.size() as usize,
        };
        let session = Session {
            _universe: universe,
        };
        Some((session, own))
    }

    /// Ends all ranks at once.
    pub fn abort(&self, code: u8) -> ! {
        SimpleCommunicator::world().abort(i32::from(code))
    }
}

/// Counts as MPI has them, and where the parts begin.
fn counts(counts: &[usize]) -> (Vec<i32>, Vec<i32>) {
    const TOO_LONG: &str = "messages of less than 2^31 numbers";
    let mut place = 0;
    let places = counts.iter().map(|&count| {
        let own = place;
        place += count;
        i32::try_from(own).expect(TOO_LONG)
    });
    let places = places.collect();
    let count = |&count: &usize| i32::try_from(count).expect(TOO_LONG);
    (counts.iter().map(count).collect(), places)
}

fn exchange<T: Equivalence + Pod>(send: Parts<'_, &[u8]>, receive: Parts<'_, &mut [u8]>) {
    let (sent, from) = counts(send.counts);
    let (taken, to) = counts(receive.counts);
    let own: &[T] = bytemuck::cast_slice(send.bytes);
    let received: &mut [T] = bytemuck::cast_slice_mut(receive.bytes);
    let send = Partition::new(own, sent, from);
    let mut receive = PartitionMut::new(received, taken, to);
    SimpleCommunicator::world().all_to_all_varcount_into(&send, &mut receive);
}

fn gather<T: Equivalence + Pod>(own: &[u8], receive: Parts<'_, &mut [u8]>) {
    let (taken, to) = counts(receive.counts);
    let own: &[T] = bytemuck::cast_slice(own);
    let received: &mut [T] = bytemuck::cast_slice_mut(receive.bytes);
    let mut receive = PartitionMut::new(received, taken, to);
    SimpleCommunicator::world().all_gather_varcount_into(own, &mut receive);
}

impl Ranks for World {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_to_all(&self, sent: Parts<'_, &[u8]>, received: Parts<'_, &mut [u8]>) {
        match sent.unit {
            8 => exchange::<u64>(sent, received),
            4 => exchange::<u32>(sent, received),
            _ => exchange::<u8>(sent, received),
        }
    }

    fn all_gather(&self, own: &[u8], received: Parts<'_, &mut [u8]>) {
        match received.unit {
            8 => gather::<u64>(own, received),
            4 => gather::<u32>(own, received),
            _ => gather::<u8>(own, received),
        }
    }
}
