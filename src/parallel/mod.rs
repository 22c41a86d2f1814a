//! Several processes, or *ranks*, that train one network together.
//!
//! **Invariant:** what ranks exchange is gathered, never added up on the way. Every sum is taken whole by
//! one rank, in the order in which a single process takes it: the bits do not depend on how many there are.

mod local;
#[cfg(feature = "mpi")]
mod world;

use std::fmt;
use std::ops::Range;

use bytemuck::Pod;

pub use local::local_ranks;
#[cfg(feature = "mpi")]
pub use world::World;

/// Processes that call the same functions in the same order.
pub trait Ranks: fmt::Debug + Send + Sync {
    /// Which of them this one is.
    fn rank(&self) -> usize;

    fn size(&self) -> usize;

    /// Gives each rank its part of what is sent, and takes a part from each.
    fn all_to_all(&self, sent: Parts<'_, &[u8]>, received: Parts<'_, &mut [u8]>);

    /// Gives `own` to all, and takes what each gives.
    fn all_gather(&self, own: &[u8], received: Parts<'_, &mut [u8]>);

    /// Sends `own` to all and goes on: [`Self::take`] brings what each has sent. Nothing by default, where
    /// that does all.
    fn post(&self, _channel: Channel, _own: &[u8]) {}

    /// Takes what each rank has posted; `own` is what this one has. Each post is taken once, in order.
    fn take(&self, _channel: Channel, own: &[u8], received: Parts<'_, &mut [u8]>) {
        self.all_gather(own, received);
    }
}

/// What is posted: within one channel posts stay in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Losses and outputs of samples.
    Results,
    /// Products summed over samples.
    Products,
    /// Sums over the samples of each node.
    Sums,
    /// What to do after the next batch.
    Votes,
}

/// What a rank posts is kept in memory until the others have it: no more than so many bytes at a time.
const MOST_POSTED: usize = 1 << 20;

/// A post is a message for each rank; a gather of many takes few steps.
const MOST_RECEIVERS: usize = 64;

/// What goes to each rank or comes from it, one part after the other: so many numbers, each of `unit` bytes.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a, B> {
    pub bytes: B,
    pub counts: &'a [usize],
    pub unit: usize,
}

impl<'a, B> Parts<'a, B> {
    fn of<T>(bytes: B, counts: &'a [usize]) -> Self {
        let unit = size_of::<T>();
        Self {
            bytes,
            counts,
            unit,
        }
    }
}

/// Cuts `count` things into a range for each rank; each but the last holds whole tiles of `tile`.
pub fn shares(count: usize, tile: usize, size: usize) -> Vec<Range<usize>> {
    let tiles = count.div_ceil(tile);
    let end = |rank: usize| (rank * tiles / size * tile).min(count);
    (0..size).map(|rank| end(rank)..end(rank + 1)).collect()
}

/// Room for what is sent and received.
#[derive(Debug)]
pub struct Mail<T> {
    pub send: Vec<T>,
    /// Numbers in `send` for each rank.
    pub sent: Vec<usize>,
    pub received: Vec<T>,
}

impl<T> Default for Mail<T> {
    fn default() -> Self {
        Self {
            send: Vec::new(),
            sent: Vec::new(),
            received: Vec::new(),
        }
    }
}

impl<T: Pod> Mail<T> {
    pub fn clear(&mut self) {
        self.send.clear();
        self.sent.clear();
    }

    /// Ends the part of the next rank.
    pub fn seal(&mut self) {
        let before: usize = self.sent.iter().sum();
        self.sent.push(self.send.len() - before);
    }

    /// Gives each rank its part of `send`, and takes `counts` numbers from each.
    pub fn all_to_all(&mut self, ranks: &dyn Ranks, counts: &[usize]) {
        self.received.resize(counts.iter().sum(), T::zeroed());
        let sent = Parts::of::<T>(bytemuck::cast_slice(&self.send), &self.sent);
        let received = bytemuck::cast_slice_mut(&mut self.received);
        ranks.all_to_all(sent, Parts::of::<T>(received, counts));
    }

    /// Gives `send` to all, and takes `counts` numbers from each.
    pub fn all_gather(&mut self, ranks: &dyn Ranks, counts: &[usize]) {
        self.received.resize(counts.iter().sum(), T::zeroed());
        let received = bytemuck::cast_slice_mut(&mut self.received);
        ranks.all_gather(
            bytemuck::cast_slice(&self.send),
            Parts::of::<T>(received, counts),
        );
    }
}

impl<T: Pod> Mail<T> {
    /// Sends `send` to all and goes on; [`Self::take`] brings the `counts` numbers of each.
    pub fn post(&self, ranks: &dyn Ranks, channel: Channel, counts: &[usize]) {
        if is_posted::<T>(counts) {
            ranks.post(channel, bytemuck::cast_slice(&self.send));
        }
    }

    /// Takes what each rank has posted, `counts` numbers from each; what was too long to be posted goes
    /// over now.
    pub fn take(&mut self, ranks: &dyn Ranks, channel: Channel, counts: &[usize]) {
        if !is_posted::<T>(counts) {
            return self.all_gather(ranks, counts);
        }
        self.received.resize(counts.iter().sum(), T::zeroed());
        let received = bytemuck::cast_slice_mut(&mut self.received);
        let own = bytemuck::cast_slice(&self.send);
        ranks.take(channel, own, Parts::of::<T>(received, counts));
    }
}

/// All ranks say the same.
fn is_posted<T>(counts: &[usize]) -> bool {
    let longest = counts.iter().max().map_or(0, |n| n * size_of::<T>());
    counts.len() <= MOST_RECEIVERS && longest * counts.len() <= MOST_POSTED
}

/// What ranks tell each other again and again: said now and heard later, so that nobody waits.
#[derive(Debug, Default)]
pub struct Poll {
    mail: Mail<f64>,
    counts: Vec<usize>,
}

impl Poll {
    /// Tells all; [`Self::hear`] comes before the next time.
    pub fn say(&mut self, ranks: &dyn Ranks, own: &[f64]) {
        self.mail.clear();
        self.mail.send.extend_from_slice(own);
        self.counts.resize(ranks.size(), own.len());
        self.mail.post(ranks, Channel::Votes, &self.counts);
    }

    /// What each rank has said, in order; none if they have not since the last time.
    pub fn hear(&mut self, ranks: &dyn Ranks) -> Option<&[f64]> {
        if self.counts.is_empty() {
            return None;
        }
        self.mail.take(ranks, Channel::Votes, &self.counts);
        self.counts.clear();
        Some(&self.mail.received)
    }
}

/// What each rank says, in order.
pub fn gather_words(ranks: &dyn Ranks, own: &[f64]) -> Vec<f64> {
    let mut mail = Mail {
        send: own.to_vec(),
        ..Mail::default()
    };
    mail.all_gather(ranks, &vec![own.len(); ranks.size()]);
    mail.received
}

/// The bytes that the first rank has.
pub fn from_first(ranks: &dyn Ranks, bytes: &[u8]) -> Vec<u8> {
    let lengths = gather_words(ranks, &[bytes.len() as f64]);
    let mut counts = vec![0; ranks.size()];
    counts[0] = lengths[0] as usize;
    let mut mail = Mail::default();
    if ranks.rank() == 0 {
        mail.send.extend_from_slice(bytes);
    }
    mail.all_gather(ranks, &counts);
    mail.received
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_everything_in_whole_tiles() {
        assert_eq!(
            shares(1024, 128, 4),
            [0..256, 256..512, 512..768, 768..1024]
        );
        assert_eq!(shares(100, 128, 4), [0..0, 0..0, 0..0, 0..100]);
        assert_eq!(shares(300, 128, 2), [0..128, 128..300]);
        assert_eq!(shares(0, 128, 3), [0..0, 0..0, 0..0]);
    }

    #[test]
    fn posts_arrive_in_the_order_of_their_channel() {
        let heard = local_ranks(3).into_iter().map(|ranks| {
            std::thread::spawn(move || {
                let me = ranks.rank() as f64;
                let (mut early, mut late) = (Mail::default(), Mail::default());
                let mut poll = Poll::default();
                assert_eq!(poll.hear(&*ranks), None);
                for round in 0..3 {
                    early.clear();
                    early.send.extend(vec![10.0 * me + f64::from(round); 2]);
                    early.post(&*ranks, Channel::Results, &[2; 3]);
                    late.clear();
                    // Too long to be posted.
                    late.send.resize(MOST_POSTED, me);
                    late.post(&*ranks, Channel::Products, &[MOST_POSTED; 3]);
                    poll.say(&*ranks, &[me]);
                    late.take(&*ranks, Channel::Products, &[MOST_POSTED; 3]);
                    early.take(&*ranks, Channel::Results, &[2; 3]);
                    let expected = [0, 0, 10, 10, 20, 20].map(|x| f64::from(x + round));
                    assert_eq!(early.received, expected);
                    assert_eq!(late.received[2 * MOST_POSTED], 2.0);
                    assert_eq!(poll.hear(&*ranks), Some(&[0.0, 1.0, 2.0][..]));
                }
                assert_eq!(poll.hear(&*ranks), None);
            })
        });
        let threads: Vec<_> = heard.collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn parts_arrive_at_their_rank() {
        let heard = local_ranks(3).into_iter().map(|ranks| {
            std::thread::spawn(move || {
                let mut mail = Mail::default();
                for to in 0..3 {
                    mail.send.extend(vec![10.0 * ranks.rank() as f64; to]);
                    mail.seal();
                }
                mail.all_to_all(&*ranks, &[ranks.rank(); 3]);
                let all = gather_words(&*ranks, &[ranks.rank() as f64]);
                let text = from_first(&*ranks, format!("from {}", ranks.rank()).as_bytes());
                (mail.received, all, text)
            })
        });
        let threads: Vec<_> = heard.collect();
        for (rank, thread) in threads.into_iter().enumerate() {
            let (parts, all, text) = thread.join().unwrap();
            let expected: Vec<f64> = (0..3)
                .flat_map(|from| vec![10.0 * from as f64; rank])
                .collect();
            assert_eq!(parts, expected);
            assert_eq!(all, [0.0, 1.0, 2.0]);
            assert_eq!(text, b"from 0");
        }
    }
}
