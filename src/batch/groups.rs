//! Crossbars: free nodes with the same neighbours.
//!
//! Two nodes with the same set of neighbours are not neighbours of each other, and if one node of a
//! group is a neighbour of one of another group, all of them are of all of those: between two groups
//! lies a complete block of conductances, or nothing.

use std::collections::HashMap;
use std::ops::Range;

/// Blocks of fewer conductances are not worth a dense product.
const SMALLEST_BLOCK: usize = 64;

/// Free nodes in a new order, in which every group of a crossbar is contiguous.
#[derive(Debug)]
pub(super) struct Groups {
    /// New index of each node.
    pub order: Vec<u32>,
    pub groups: Vec<Range<usize>>,
    /// Group of each node, by new index, if it has one.
    pub group_of: Vec<Option<u32>>,
    /// Pairs of groups (first < second) with a dense block between them.
    pub blocks: Vec<[u32; 2]>,
}

impl Groups {
    /// `neighbours` of each node, sorted; nodes that are not `plain` join no group.
    pub(super) fn find(neighbours: &[Vec<u32>], plain: &[bool]) -> Self {
        let classes = classes(neighbours, plain);
        let mut class_of = vec![u32::MAX; neighbours.len()];
        for (index, class) in classes.iter().enumerate() {
            class
                .iter()
                .for_each(|&k| class_of[k as usize] = index as u32);
        }
        let blocks = dense_blocks(neighbours, &classes, &class_of);
        let mut in_block = vec![false; classes.len()];
        blocks
            .iter()
            .flatten()
            .for_each(|&c| in_block[c as usize] = true);

        let mut order = vec![u32::MAX; neighbours.len()];
        let (mut groups, mut group_of_class) = (Vec::new(), vec![0u32; classes.len()]);
        let mut next = 0u32;
        for (index, class) in classes.iter().enumerate().filter(|(k, _)| in_block[*k]) {
            group_of_class[index] = groups.len() as u32;
            groups.push(next as usize..next as usize + class.len());
            for &node in class {
                order[node as usize] = next;
                next += 1;
            }
        }
        let mut group_of = vec![None; neighbours.len()];
        for (index, range) in groups.iter().enumerate() {
            group_of[range.clone()].fill(Some(index as u32));
        }
        for place in order.iter_mut().filter(|place| **place == u32::MAX) {
            *place = next;
            next += 1;
        }
        let blocks = blocks
            .into_iter()
            .map(|pair| pair.map(|c| group_of_class[c as usize]));
        Self {
            order,
            groups,
            group_of,
            blocks: blocks.collect(),
        }
    }
}

/// Sets of plain nodes with the same neighbours, by their first node.
fn classes(neighbours: &[Vec<u32>], plain: &[bool]) -> Vec<Vec<u32>> {
    let mut index: HashMap<&[u32], usize> = HashMap::new();
    let mut classes: Vec<Vec<u32>> = Vec::new();
    for (node, list) in neighbours.iter().enumerate() {
        if !plain[node] || list.is_empty() {
            continue;
        }
        let class = *index.entry(list).or_insert(classes.len());
        match classes.get_mut(class) {
            Some(members) => members.push(node as u32),
            None => classes.push(vec![node as u32]),
        }
    }
    classes
}

/// Pairs of classes whose block is large enough.
fn dense_blocks(neighbours: &[Vec<u32>], classes: &[Vec<u32>], class_of: &[u32]) -> Vec<[u32; 2]> {
    let mut blocks = Vec::new();
    for (index, class) in classes.iter().enumerate() {
        let around = neighbours[class[0] as usize].iter();
        let mut others: Vec<u32> = around.map(|&k| class_of[k as usize]).collect();
        others.sort_unstable();
        others.dedup();
        let later = others
            .into_iter()
            .filter(|&o| o != u32::MAX && o as usize > index);
        let large = later.filter(|&o| class.len() * classes[o as usize].len() >= SMALLEST_BLOCK);
        blocks.extend(large.map(|other| [index as u32, other]));
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_groups_and_crossbars_are_blocks() {
        // 10 - 12 - 9, nodes interleaved, and a loose node on the last one.
        let layer_of = |k: u32| [0, 1, 2, 1, 0, 2, 1][(k % 7) as usize];
        let mut layers = [Vec::new(), Vec::new(), Vec::new()];
        (0..35u32).for_each(|k| layers[layer_of(k)].push(k));
        let mut neighbours: Vec<Vec<u32>> = (0..35)
            .map(|k| match layer_of(k) {
                0 => layers[1].clone(),
                1 => [layers[0].clone(), layers[2].clone()].concat(),
                _ => layers[1].clone(),
            })
            .collect();
        neighbours.iter_mut().for_each(|list| list.sort_unstable());
        neighbours.push(vec![34]);
        neighbours[34].push(35);
        neighbours[34].sort_unstable();
        let plain = vec![true; 36];
        let found = Groups::find(&neighbours, &plain);
        // The layers at both ends have the same neighbours; the node with a loose one is no member.
        assert_eq!(found.groups.len(), 2);
        assert_eq!(found.blocks, [[0, 1]]);
        let mut places = found.order.clone();
        places.sort_unstable();
        assert_eq!(places, (0..36).collect::<Vec<_>>());
        assert!(found.group_of[found.order[35] as usize].is_none());
    }
}
