//! Columns of whole numbers: each number in groups of seven bits, the first group of all numbers together, then the
//! second groups of those that have one, and so on.
//!
//! The first groups of gaps are near to noise, the later ones nearly constant. Kept apart they compress to about what
//! they tell; mixed, as usual variable-length numbers are, they don't.

/// Seven-bit groups of the largest number.
const MAX_GROUPS: usize = 10;
/// Says that another group follows.
const MORE: u8 = 0x80;

/// Some columns, each with any number of values.
#[derive(Debug)]
pub(super) struct Columns(Vec<Vec<u64>>);

impl Columns {
    /// So many empty columns.
    pub(super) fn new(columns: usize) -> Self {
        Self(vec![Vec::new(); columns])
    }

    /// Adds a value to a column.
    pub(super) fn push(&mut self, column: usize, value: u64) {
        if let Some(values) = self.0.get_mut(column) {
            values.push(value);
        }
    }

    /// The first so many of its columns.
    #[cfg(test)]
    pub(super) fn first(mut self, columns: usize) -> Self {
        self.0.truncate(columns);
        self
    }

    /// Adds a column after the last.
    pub(super) fn add_column(&mut self, values: Vec<u64>) {
        self.0.push(values);
    }

    /// The values of a column; none for one that there isn't.
    pub(super) fn column(&self, column: usize) -> &[u64] {
        self.0.get(column).map_or(&[], Vec::as_slice)
    }

    /// Appends the columns: of each the number of its groups, then each group's length and bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for values in &self.0 {
            let groups = split(values);
            write_number(out, groups.len() as u64);
            for group in groups {
                write_number(out, group.len() as u64);
                out.extend_from_slice(&group);
            }
        }
    }

    /// Takes so many columns off the front; `None`: they aren't as [`Self::write`] writes.
    pub(super) fn read(from: &mut &[u8], columns: usize) -> Option<Self> {
        let mut all = Vec::new();
        for _ in 0..columns {
            let groups = usize::try_from(read_number(from)?).ok().filter(|groups| *groups <= MAX_GROUPS)?;
            let groups: Vec<&[u8]> = (0..groups).map(|_| read_block(from)).collect::<Option<_>>()?;
            all.push(join(&groups)?);
        }
        Some(Self(all))
    }
}

fn split(values: &[u64]) -> Vec<Vec<u8>> {
    let mut groups: Vec<Vec<u8>> = Vec::new();
    for &value in values {
        let mut left = value;
        for place in 0..MAX_GROUPS {
            if groups.len() == place {
                groups.push(Vec::new());
            }
            let low = (left & 0x7f) as u8;
            left >>= 7;
            if let Some(group) = groups.get_mut(place) {
                group.push(if left == 0 { low } else { low | MORE });
            }
            if left == 0 {
                break;
            }
        }
    }
    groups
}

fn join(groups: &[&[u8]]) -> Option<Vec<u64>> {
    let Some((first, later)) = groups.split_first() else { return Some(Vec::new()) };
    let mut values: Vec<u64> = first.iter().map(|byte| u64::from(byte & !MORE)).collect();
    let mut going_on: Vec<usize> = places(first);
    for (place, group) in (1..).zip(later) {
        if group.len() != going_on.len() || group.is_empty() {
            return None;
        }
        for (at, byte) in going_on.iter().zip(*group) {
            let part = u64::from(byte & !MORE);
            let shifted = part << (7 * place);
            // Bits beyond the 64th, or a needless last group, are nothing that was ever written.
            if shifted >> (7 * place) != part || (part == 0 && byte & MORE == 0) {
                return None;
            }
            *values.get_mut(*at)? |= shifted;
        }
        let next = places(group);
        going_on = next.into_iter().filter_map(|at| going_on.get(at).copied()).collect();
    }
    going_on.is_empty().then_some(values)
}

/// Where a group says that another follows.
fn places(group: &[u8]) -> Vec<usize> {
    group.iter().enumerate().filter(|(_, byte)| **byte & MORE != 0).map(|(at, _)| at).collect()
}

/// Appends one number.
pub(super) fn write_number(out: &mut Vec<u8>, value: u64) {
    out.extend(split(&[value]).into_iter().flatten());
}

/// Takes one number off the front.
pub(super) fn read_number(from: &mut &[u8]) -> Option<u64> {
    let length = from.iter().take(MAX_GROUPS).position(|byte| byte & MORE == 0)? + 1;
    let (bytes, rest) = from.split_at_checked(length)?;
    let groups: Vec<&[u8]> = bytes.chunks(1).collect();
    *from = rest;
    join(&groups)?.first().copied()
}

/// Takes a length and so many bytes off the front.
pub(super) fn read_block<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(read_number(from)?).ok()?;
    let (block, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(block)
}

/// A signed difference (as its two's complement) as a number that is small where the difference is.
pub(super) const fn zigzag(difference: u64) -> u64 {
    let signed = difference.cast_signed();
    ((signed << 1) ^ (signed >> 63)).cast_unsigned()
}

/// The difference that [`zigzag`] was given.
pub(super) const fn unzigzag(value: u64) -> u64 {
    (value >> 1) ^ (value & 1).wrapping_neg()
}
