//! Names to indices, without a copy of the names: they stay where the things are that they name.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Finds the index of a name. Whoever asks says which name an index has.
#[derive(Clone, Debug, Default)]
pub(super) struct NameIndex {
    places: HashTable<Place>,
    hasher: DefaultHashBuilder,
}

/// An index beside half of its name's hash, so that a table can grow and most other names be told apart without
/// a look at any name.
#[derive(Clone, Copy, Debug)]
struct Place {
    hash: u32,
    index: u32,
}

/// The half of a hash that is kept, in both halves: a table reads bits from either end.
fn doubled(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

impl NameIndex {
    /// An index of one name, whose index is 0.
    pub(super) fn of_one(name: &'static str) -> Self {
        let mut index = Self::default();
        index.find_or_insert(name, 0, |_| name);
        index
    }

    fn hash(&self, name: &str) -> u32 {
        let hash = self.hasher.hash_one(name);
        (hash ^ (hash >> 32)) as u32
    }

    pub(super) fn find<'a>(&self, name: &str, name_of: impl Fn(u32) -> &'a str) -> Option<u32> {
        let hash = self.hash(name);
        let is_same = |place: &Place| place.hash == hash && name_of(place.index) == name;
        self.places
            .find(doubled(hash), is_same)
            .map(|place| place.index)
    }

    /// The index that a name has already. A new name gets this one, and none is given back.
    pub(super) fn find_or_insert<'a>(
        &mut self,
        name: &str,
        index: u32,
        name_of: impl Fn(u32) -> &'a str,
    ) -> Option<u32> {
        let hash = self.hash(name);
        let is_same = |place: &Place| place.hash == hash && name_of(place.index) == name;
        let rehash = |place: &Place| doubled(place.hash);
        match self.places.entry(doubled(hash), is_same, rehash) {
            hashbrown::hash_table::Entry::Occupied(known) => Some(known.get().index),
            hashbrown::hash_table::Entry::Vacant(place) => {
                place.insert(Place { hash, index });
                None
            }
        }
    }

    /// Room for so many more.
    pub(super) fn reserve(&mut self, more: usize) {
        self.places.reserve(more, |place| doubled(place.hash));
    }
}
