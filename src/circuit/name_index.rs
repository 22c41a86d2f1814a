//! Names to indices, without a copy of the names: they stay where the things are that they name.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Finds the index of a name. Whoever asks says which name an index has.
#[derive(Clone, Debug, Default)]
pub(super) struct NameIndex {
    indices: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl NameIndex {
    /// An index of one name, whose index is 0.
    pub(super) fn of_one(name: &'static str) -> Self {
        let mut index = Self::default();
        index.insert(0, |_| name);
        index
    }

    pub(super) fn find<'a>(&self, name: &str, name_of: impl Fn(u32) -> &'a str) -> Option<u32> {
        let hash = self.hasher.hash_one(name);
        let found = self.indices.find(hash, |&index| name_of(index) == name);
        found.copied()
    }

    /// Takes an index whose name is new.
    pub(super) fn insert<'a>(&mut self, index: u32, name_of: impl Fn(u32) -> &'a str) {
        let hash = |&index: &u32| self.hasher.hash_one(name_of(index));
        self.indices.insert_unique(hash(&index), index, hash);
    }

    /// Room for so many more.
    pub(super) fn reserve<'a>(&mut self, more: usize, name_of: impl Fn(u32) -> &'a str) {
        let hash = |&index: &u32| self.hasher.hash_one(name_of(index));
        self.indices.reserve(more, hash);
    }
}
