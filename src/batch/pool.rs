//! Arrays that are written again and again while others still hold earlier ones.

use std::sync::Arc;

/// Arrays of earlier batches, to be written again once nobody holds them: fresh pages take longer than what is
/// written there.
#[derive(Debug, Default)]
pub(super) struct Pool<T>(Vec<Arc<Vec<T>>>);

const MOST_KEPT: usize = 2;

impl<T: Copy + Default> Pool<T> {
    /// Makes of `array` one of `length` numbers, of any values, that nobody else holds.
    pub(super) fn renew<'a>(
        &mut self,
        array: &'a mut Arc<Vec<T>>,
        length: usize,
    ) -> &'a mut Vec<T> {
        if Arc::get_mut(array).is_none() {
            match self.0.iter_mut().find(|kept| Arc::strong_count(kept) == 1) {
                Some(kept) => std::mem::swap(array, kept),
                None => {
                    let held = std::mem::take(array);
                    if self.0.len() < MOST_KEPT {
                        self.0.push(held);
                    }
                }
            }
        }
        let own = Arc::make_mut(array);
        own.resize(length, T::default());
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_that_others_hold_stay_as_they_are_and_come_back() {
        let (mut pool, mut array) = (Pool::default(), Arc::default());
        pool.renew(&mut array, 3).fill(1.0);
        let (first, place) = (Arc::clone(&array), array.as_ptr());
        pool.renew(&mut array, 3).fill(2.0);
        assert_eq!(
            (first[..].to_vec(), array[..].to_vec()),
            (vec![1.0; 3], vec![2.0; 3])
        );
        let second = Arc::clone(&array);
        drop(first);
        pool.renew(&mut array, 2).fill(3.0);
        assert_eq!((array.as_ptr(), array.len()), (place, 2));
        assert_eq!(second[..], [2.0; 3]);
    }
}
