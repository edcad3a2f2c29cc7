//! Putting lists in order, by numbers and in one piece of code.
//!
//! The standard library's sort is compiled anew for every kind of list, five kilobytes each; the lists of a phone are
//! short.

/// A list by its keys, smallest first; equals stay in their order.
pub fn by<T>(list: Vec<T>, key: impl Fn(&T) -> [i64; 3]) -> Vec<T> {
    let mut keys: Vec<([i64; 3], usize)> = list.iter().enumerate().map(|(at, one)| (key(one), at)).collect();
    keys.sort_unstable();
    let mut places: Vec<Option<T>> = list.into_iter().map(Some).collect();
    keys.into_iter().filter_map(|(_, at)| places.get_mut(at)?.take()).collect()
}

#[cfg(test)]
mod tests {
    use super::by;

    #[test]
    fn the_smallest_key_comes_first_and_equals_stay_in_their_order() {
        let list = vec![("c", 2), ("a", 1), ("d", 2), ("b", -1)];
        let names: Vec<&str> = by(list, |(_, key)| [0, *key, 0]).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "a", "c", "d"]);
        assert!(by(Vec::<u8>::new(), |_| [0; 3]).is_empty());
    }
}
