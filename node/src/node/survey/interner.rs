//! Names that are kept once and stood for by a number: a hundred thousand resources have some hundred authors and words.

use std::collections::BTreeMap;

/// Stands for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interned(u32);

#[derive(Debug)]
pub(super) struct Interner<T> {
    numbers: BTreeMap<T, Interned>,
    names: Vec<T>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { numbers: BTreeMap::new(), names: Vec::new() }
    }
}

impl<T: Ord + Clone> Interner<T> {
    /// What stands for the name from now on.
    pub(super) fn intern<Q>(&mut self, name: &Q) -> Interned
    where
        T: std::borrow::Borrow<Q>,
        Q: Ord + ToOwned<Owned = T> + ?Sized,
    {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = Interned(u32::try_from(self.names.len()).expect("the memory is full long before"));
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
    }

    /// The name.
    pub(super) fn name(&self, number: Interned) -> &T {
        &self.names[number.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_and_a_number_one_name() {
        let mut words = Interner::<String>::default();
        let (math, music) = (words.intern("math"), words.intern("music"));
        assert_ne!(math, music);
        assert_eq!(words.intern("math"), math);
        assert_eq!(words.name(music), "music");
    }
}
