//! Which cells of a matrix start next: in their order, as many as there is room for, and of a group only what its
//! engines' comparison allows.

use std::collections::{BTreeSet, HashMap};

/// A cell that isn't over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenCell {
    /// Its place in the matrix's order.
    pub cell: i32,
    /// Its group.
    pub group: i32,
    /// Whether its run goes on; else it waits.
    pub running: bool,
}

/// What a matrix allows.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Runs at once.
    pub max_parallel: usize,
    /// The runs of a group come one after another.
    pub one_of_a_group: bool,
    /// A group's first run finds out where the machine is, and the others wait for that.
    pub place_first: bool,
}

/// The cells to start now, in order. `open` is in order too; `placed` has the groups whose place is known.
#[must_use]
pub fn to_start(open: &[OpenCell], placed: &BTreeSet<i32>, rules: Rules) -> Vec<i32> {
    let mut busy: HashMap<i32, usize> = HashMap::new();
    for cell in open.iter().filter(|cell| cell.running) {
        *busy.entry(cell.group).or_default() += 1;
    }
    let mut room = rules.max_parallel.saturating_sub(busy.values().sum());
    let mut start = Vec::new();
    for cell in open.iter().filter(|cell| !cell.running) {
        if room == 0 {
            break;
        }
        let waits = rules.one_of_a_group || (rules.place_first && !placed.contains(&cell.group));
        if waits && busy.contains_key(&cell.group) {
            continue;
        }
        *busy.entry(cell.group).or_default() += 1;
        room -= 1;
        start.push(cell.cell);
    }
    start
}

/// The cell that goes on with the machine of the cell `of`, which is about to be over: the first of its group that waits.
/// `None` while another of the group runs, since one after another has the machine.
#[must_use]
pub fn next_of_group(open: &[OpenCell], of: i32, group: i32) -> Option<i32> {
    let mut others = open.iter().filter(|cell| cell.group == group && cell.cell != of);
    if others.clone().any(|cell| cell.running) {
        return None;
    }
    others.next().map(|cell| cell.cell)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn open(cells: &[(i32, bool)]) -> Vec<OpenCell> {
        (0..)
            .zip(cells)
            .map(|(cell, (group, running))| OpenCell { cell, group: *group, running: *running })
            .collect()
    }

    #[test]
    fn a_group_waits_for_the_place_of_its_first_run_and_other_groups_do_not() {
        let rules = Rules { max_parallel: 3, one_of_a_group: false, place_first: true };
        let cells = open(&[(0, false), (0, false), (1, false), (1, false), (2, false)]);
        assert_eq!(to_start(&cells, &BTreeSet::new(), rules), [0, 2, 4]);
        let placed = BTreeSet::from([0]);
        assert_eq!(to_start(&cells, &placed, rules), [0, 1, 2]);
        let one = Rules { one_of_a_group: true, ..rules };
        assert_eq!(to_start(&cells, &placed, one), [0, 2, 4]);
        let nowhere = Rules { place_first: false, ..rules };
        assert_eq!(to_start(&cells, &BTreeSet::new(), nowhere), [0, 1, 2]);
    }

    #[test]
    fn a_machine_goes_to_the_next_of_its_group_and_to_nobody_while_another_has_it() {
        let cells = open(&[(0, true), (1, false), (0, false), (0, false)]);
        assert_eq!(next_of_group(&cells, 0, 0), Some(2));
        assert_eq!(next_of_group(&cells, 1, 1), None);
        let cells = open(&[(0, true), (0, true), (0, false)]);
        assert_eq!(next_of_group(&cells, 0, 0), None);
    }

    proptest! {
        #[test]
        fn there_is_never_more_than_allowed_and_what_can_start_does(
            cells in vec((0..4i32, any::<bool>()), 0..12),
            placed in vec(0..4i32, 0..4),
            max_parallel in 1..5usize,
            one_of_a_group: bool,
            place_first: bool,
        ) {
            let (cells, placed) = (open(&cells), placed.into_iter().collect::<BTreeSet<_>>());
            let rules = Rules { max_parallel, one_of_a_group, place_first };
            let started = to_start(&cells, &placed, rules);
            let running = cells.iter().filter(|cell| cell.running).count();
            prop_assert!(started.is_empty() || running + started.len() <= max_parallel);
            prop_assert!(started.iter().all(|cell| !cells[*cell as usize].running));
            prop_assert!(started.windows(2).all(|pair| pair[0] < pair[1]));
            let of = |group: i32| {
                cells.iter().filter(|c| c.group == group && (c.running || started.contains(&c.cell))).count()
            };
            for cell in &started {
                let group = cells[*cell as usize].group;
                if one_of_a_group || (place_first && !placed.contains(&group)) {
                    prop_assert_eq!(of(group), 1);
                }
            }
            // Nothing waits without a reason.
            if running + started.len() < max_parallel {
                for cell in cells.iter().filter(|cell| !cell.running && !started.contains(&cell.cell)) {
                    prop_assert!(of(cell.group) > 0);
                    prop_assert!(one_of_a_group || (place_first && !placed.contains(&cell.group)));
                }
            }
        }
    }
}
