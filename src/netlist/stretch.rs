//! Long stretches of element cards, read on all threads.
//!
//! Nothing but the cards themselves decides what an element card means, so that pieces of a stretch can be
//! read side by side. At anything else a piece stops, and the reader goes on from there line by line: faults
//! and cards are its own.

use rayon::prelude::*;

use super::diagnostic::Diagnostic;
use super::element::element;
use super::lines::Lines;
use super::reader::LONGEST;
use super::token::{Tokens, tokenize};
use super::{Cards, Element, Netlist};
use crate::source::LogicalLine;

/// Shorter stretches are read line by line, bytes.
const SHORTEST: usize = 1 << 17;
/// About what a thread reads at a time, bytes.
const PIECE: usize = 1 << 17;
/// Pieces that are read before their elements are put in order.
const AT_ONCE: usize = 64;

/// What was read of a piece.
struct Piece {
    elements: Vec<Element>,
    warnings: Vec<Diagnostic>,
    cards: u64,
    /// The line that is no element card, if there is one.
    stop: Option<Lines>,
}

/// Reads element cards from `lines` on up to byte `end`, as far as there is nothing else and they are no more than
/// `most`. Returns how many.
pub(super) fn read(
    lines: &mut Lines,
    end: usize,
    netlist: &mut Netlist,
    elements: &mut Cards,
    most: u64,
) -> u64 {
    let mut cards = 0;
    while end.saturating_sub(lines.at()) >= SHORTEST {
        let (pieces, behind) = lines.pieces(end, PIECE, AT_ONCE);
        let pieces: Vec<Piece> = pieces.into_par_iter().map(read_piece).collect();
        let count: u64 = pieces.iter().map(|piece| piece.cards).sum();
        if cards + count > most {
            return cards;
        }
        for piece in pieces {
            cards += piece.cards;
            elements.append(piece.elements);
            netlist.warnings.extend(piece.warnings);
            if let Some(stop) = piece.stop {
                lines.go_to(&stop);
                return cards;
            }
        }
        lines.go_to(&behind);
    }
    cards
}

fn read_piece(mut lines: Lines) -> Piece {
    let mut piece = Piece {
        elements: Vec::with_capacity(lines.count() as usize),
        warnings: Vec::new(),
        cards: 0,
        stop: None,
    };
    let mut line = LogicalLine::default();
    let mut before = lines.clone();
    while lines.next(&mut line) {
        if !read_card(&line, &mut piece) {
            piece.stop = Some(before);
            break;
        }
        piece.cards += 1;
        before.go_to(&lines);
    }
    piece
}

/// False, and nothing read, for all but good element cards.
fn read_card(line: &LogicalLine, piece: &mut Piece) -> bool {
    let mut tokens = Tokens::new();
    if line.text.len() > LONGEST {
        return false;
    }
    tokenize(line, &mut tokens);
    let Some(first) = tokens.first() else {
        return true;
    };
    if matches!(first.text.as_bytes()[0], b'.' | b'+') {
        return false;
    }
    let (elements, warnings) = (piece.elements.len(), piece.warnings.len());
    let outcome = element(line, &tokens, &mut piece.warnings, &mut piece.elements);
    if outcome.is_err() {
        piece.elements.truncate(elements);
        piece.warnings.truncate(warnings);
    }
    outcome.is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::reader::Reader;
    use crate::source::SourceMap;

    /// What is read of a deck, and whether on all threads.
    fn read(text: &str, side_by_side: bool) -> String {
        let mut reader = Reader::new(SourceMap::single("deck", text), None);
        if !side_by_side {
            reader.inputs[0].stretch_end = usize::MAX;
        }
        let (netlist, faults) = reader.run();
        let main = &netlist.main;
        let subcircuits: Vec<_> = main.subcircuits.values().collect();
        let elements = (&main.elements, subcircuits);
        format!("{elements:?} {:?} {faults:?}", netlist.warnings)
    }

    fn deck(special: &str) -> String {
        let mut text = String::from("title\n");
        for k in 0..12_000 {
            text += &format!("r{k} a{k} b{} {k}.5k\n", k % 97);
            match k % 7 {
                0 => text += "* a comment\n\n",
                3 => text += "v1x a0 0 ; the voltage follows\n * between\n + 1\n",
                _ => {}
            }
            if k == 9_000 {
                text += special;
            }
        }
        text + ".op\n.end\nr1 c d 5\n"
    }

    #[test]
    fn pieces_read_what_one_reader_reads() {
        let specials = [
            "",
            "c1 a 0 1u\n",
            "r1 a 0\n",
            "q1 a b c model\n",
            "  .model m d\n",
            ".subckt s a b\nr1 a b 1\n.ends\n",
            "\n\n* only comments\n",
        ];
        for special in specials {
            let text = deck(special);
            assert!(text.len() > 2 * super::SHORTEST);
            assert_eq!(read(&text, true), read(&text, false), "{special}");
            let unix = text.replace('\n', "\r\n");
            assert_eq!(read(&unix, true), read(&unix, false), "{special}");
        }
        let open = format!(
            "{}.subckt s a b\n{}",
            deck("").split(".op").next().unwrap(),
            deck("")
        );
        assert_eq!(read(&open, true), read(&open, false));
    }
}
