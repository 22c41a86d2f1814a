//! The elements of a body, in pieces as they were read: a long list is neither copied nor moved.

use std::fmt;
use std::iter::Flatten;
use std::ops::Index;
use std::slice::Iter;

use super::Element;

/// Elements in the order of their cards.
#[derive(Clone, Default)]
pub struct Cards {
    pieces: Vec<Vec<Element>>,
}

impl Cards {
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.iter().all(Vec::is_empty)
    }

    pub fn iter(&self) -> Flatten<Iter<'_, Vec<Element>>> {
        self.pieces.iter().flatten()
    }

    /// Where the next cards are written.
    pub(super) fn end(&mut self) -> &mut Vec<Element> {
        if self.pieces.is_empty() {
            self.pieces.push(Vec::new());
        }
        let last = self.pieces.len() - 1;
        &mut self.pieces[last]
    }

    /// Takes what comes next at once.
    pub(super) fn append(&mut self, piece: Vec<Element>) {
        if !piece.is_empty() {
            self.pieces.push(piece);
        }
    }
}

impl Index<usize> for Cards {
    type Output = Element;

    fn index(&self, index: usize) -> &Element {
        let mut index = index;
        for piece in &self.pieces {
            match piece.get(index) {
                Some(element) => return element,
                None => index -= piece.len(),
            }
        }
        panic!("index {index} beyond the last element")
    }
}

impl<'a> IntoIterator for &'a Cards {
    type Item = &'a Element;
    type IntoIter = Flatten<Iter<'a, Vec<Element>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Cards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::netlist::Netlist;

    #[test]
    fn pieces_are_one_list() {
        let netlist = Netlist::parse("deck", "t\nr1 a 0 1\nr2 a 0 2\nr3 a 0 3\n").unwrap();
        let mut cards = super::Cards::default();
        assert!(cards.is_empty());
        let elements: Vec<_> = netlist.main.elements.iter().cloned().collect();
        cards.append(elements[..2].to_vec());
        cards.append(Vec::new());
        cards.end().push(elements[2].clone());
        assert_eq!((cards.len(), cards[2].name.as_str()), (3, "r3"));
        assert_eq!(format!("{cards:?}"), format!("{elements:?}"));
    }
}
