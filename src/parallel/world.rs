//! Ranks of MPI.

use std::sync::atomic::{AtomicBool, Ordering};

use bytemuck::Pod;
use mpi::Threading;
use mpi::datatype::{Equivalence, Partition, PartitionMut};
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Destination, Source};

use super::{Channel, MOST_POSTED, Parts, Ranks};

/// All ranks of the job.
#[derive(Debug)]
pub struct World {
    rank: usize,
    size: usize,
}

/// Posts that may be on their way at the same time: in each channel, one that others still have to take
/// and the next. Memory that is never written to costs nothing.
const POSTS: usize = 16;

/// Bytes of a post that travel as one message. Longer ones are not sent before the receiver has asked for
/// them, which the sender does not hear while it computes: Open MPI does so beyond 4 kB with their header
/// between processes of one machine, beyond 64 kB over TCP.
const PIECE: usize = 3840;

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
        let (mut universe, _) = mpi::initialize_with_threading(Threading::Serialized)?;
        universe.set_buffer_size(POSTS * MOST_POSTED);
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

    fn post(&self, channel: Channel, own: &[u8]) {
        if own.is_empty() {
            return;
        }
        let world = SimpleCommunicator::world();
        // The next rank first: not all to the same.
        let others = (1..self.size).map(|step| (self.rank + step) % self.size);
        for rank in others {
            let to = world.process_at_rank(rank as i32);
            for piece in own.chunks(PIECE) {
                to.buffered_send_with_tag(piece, channel as i32);
            }
        }
    }

    fn take(&self, channel: Channel, own: &[u8], received: Parts<'_, &mut [u8]>) {
        let world = SimpleCommunicator::world();
        let mut place = received.bytes;
        for (rank, count) in received.counts.iter().enumerate() {
            let part = place.split_off_mut(..count * received.unit);
            let Some(part) = part.filter(|part| !part.is_empty()) else {
                continue;
            };
            if rank == self.rank {
                part.copy_from_slice(own);
            } else {
                let from = world.process_at_rank(rank as i32);
                for piece in part.chunks_mut(PIECE) {
                    from.receive_into_with_tag(piece, channel as i32);
                }
            }
        }
    }
}
