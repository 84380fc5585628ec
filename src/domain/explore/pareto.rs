//! Which points no other is better than.

/// Whether each point (x, y) is on the frontier: no other has as much of x and as good a y, and one of both better. More of
/// x is better; of y more, or with `less_y` less.
#[must_use]
pub fn pareto(points: &[(f64, f64)], less_y: bool) -> Vec<bool> {
    let height =
        |place: usize| points.get(place).map_or(f64::NAN, |point| if less_y { -point.1 } else { point.1 });
    let x = |place: usize| points.get(place).map_or(f64::NAN, |point| point.0);
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|a, b| x(*b).total_cmp(&x(*a)).then(height(*b).total_cmp(&height(*a))));
    let mut on = vec![false; points.len()];
    let mut best: Option<(f64, f64)> = None;
    for place in order {
        let (x, height) = (x(place), height(place));
        // As high as one further right is worse than that one; the very same point is as good.
        let is_on = best.is_none_or(|best| height > best.1 || (x, height) == best);
        if is_on && let Some(slot) = on.get_mut(place) {
            *slot = true;
            best = Some((x, height));
        }
    }
    on
}
