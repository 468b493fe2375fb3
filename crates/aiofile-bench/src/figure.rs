//! A median with its spread: what several runs of the same thing come to.

use serde::Serialize;

/// Median, least and greatest of the values of several runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The middle one; of an even number, the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Figure {
    /// The figure of these values; none of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
        Some(Self { median: f64::midpoint(values[low], values[high]), min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_the_spread_the_ends() {
        assert_eq!(Figure::of([]), None);
        let odd = Figure::of([9.0, 1.0, 5.0]);
        assert_eq!(odd, Some(Figure { median: 5.0, min: 1.0, max: 9.0 }));
        assert_eq!(Figure::of([4.0, 1.0, 2.0, 100.0]).unwrap().median, 3.0);
    }
}
