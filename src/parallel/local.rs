//! Ranks that are threads of one process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Barrier, Condvar, Mutex, PoisonError};

use super::{Channel, Parts, Ranks};

/// What a rank has put up for the others: its bytes, and how many of them each rank takes.
type Offer = (Vec<u8>, Vec<usize>);

/// Posts on their way by sender, receiver and channel.
type Posts = HashMap<(usize, usize, Channel), VecDeque<Vec<u8>>>;

#[derive(Debug)]
struct Board {
    barrier: Barrier,
    offers: Vec<Mutex<Offer>>,
    posts: Mutex<Posts>,
    has_post: Condvar,
}

#[derive(Debug)]
struct Local {
    rank: usize,
    board: Arc<Board>,
}

/// So many ranks, each for a thread of its own: what MPI does, without it. A rank that ends before the
/// others leaves them waiting.
pub fn local_ranks(size: usize) -> Vec<Arc<dyn Ranks>> {
    let board = Arc::new(Board {
        barrier: Barrier::new(size),
        offers: (0..size).map(|_| Mutex::default()).collect(),
        posts: Mutex::default(),
        has_post: Condvar::new(),
    });
    let of = |rank| -> Arc<dyn Ranks> {
        let board = board.clone();
        Arc::new(Local { rank, board })
    };
    (0..size).map(of).collect()
}

impl Local {
    /// Puts up `offer`; `take` gets every rank's.
    fn meet(&self, offer: Offer, mut take: impl FnMut(usize, &Offer)) {
        let lock = |rank: usize| {
            let offer = self.board.offers[rank].lock();
            offer.unwrap_or_else(PoisonError::into_inner)
        };
        *lock(self.rank) = offer;
        self.board.barrier.wait();
        for rank in 0..self.size() {
            take(rank, &lock(rank));
        }
        self.board.barrier.wait();
    }
}

impl Ranks for Local {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.board.offers.len()
    }

    fn all_to_all(&self, sent: Parts<'_, &[u8]>, received: Parts<'_, &mut [u8]>) {
        let mut place = received.bytes;
        let offer = (sent.bytes.to_vec(), sent.counts.to_vec());
        self.meet(offer, |rank, (bytes, counts)| {
            let first: usize = counts[..self.rank].iter().sum();
            let part = &bytes[first * sent.unit..][..counts[self.rank] * sent.unit];
            let own = place.split_off_mut(..received.counts[rank] * received.unit);
            own.into_iter().for_each(|own| own.copy_from_slice(part));
        });
    }

    fn all_gather(&self, own: &[u8], received: Parts<'_, &mut [u8]>) {
        let mut place = received.bytes;
        self.meet((own.to_vec(), Vec::new()), |rank, (bytes, _)| {
            let own = place.split_off_mut(..received.counts[rank] * received.unit);
            own.into_iter().for_each(|own| own.copy_from_slice(bytes));
        });
    }

    fn post(&self, channel: Channel, own: &[u8]) {
        let posts = self.board.posts.lock();
        let mut posts = posts.unwrap_or_else(PoisonError::into_inner);
        for to in 0..self.size() {
            let queue = posts.entry((self.rank, to, channel)).or_default();
            queue.push_back(own.to_vec());
        }
        self.board.has_post.notify_all();
    }

    fn take(&self, channel: Channel, _own: &[u8], received: Parts<'_, &mut [u8]>) {
        let mut place = received.bytes;
        let posts = self.board.posts.lock();
        let mut posts = posts.unwrap_or_else(PoisonError::into_inner);
        for (from, count) in received.counts.iter().enumerate() {
            let own = place.split_off_mut(..count * received.unit);
            let post = loop {
                let queue = posts.entry((from, self.rank, channel)).or_default();
                if let Some(post) = queue.pop_front() {
                    break post;
                }
                let woken = self.board.has_post.wait(posts);
                posts = woken.unwrap_or_else(PoisonError::into_inner);
            };
            own.into_iter().for_each(|own| own.copy_from_slice(&post));
        }
    }
}
