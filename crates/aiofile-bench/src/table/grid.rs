//! Rows and columns of words, for a terminal and for Markdown.

use std::fmt::Write;

/// A table. The first column stands to the left, the others to the right.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// One with these heads and no rows.
    pub fn new<'a>(heads: impl IntoIterator<Item = &'a str>) -> Self {
        Self { heads: heads.into_iter().map(str::to_owned).collect(), rows: Vec::new() }
    }

    /// Adds a row; cells that are missing at its end are empty.
    pub fn push(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Columns as wide as they need to be. The last cell of a row that is shorter than others, such
    /// as a sentence, widens none.
    pub fn text(&self) -> String {
        let all = || std::iter::once(&self.heads).chain(&self.rows);
        let width = |column: usize| {
            let full = all().filter(|row| column == 0 || row.len() == self.heads.len());
            let cells = full.filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.heads.len()).map(width).collect();
        let mut text = String::new();
        for row in all() {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let _ = match column {
                    0 => write!(line, "{cell:<width$}"),
                    _ => write!(line, "  {cell:>width$}"),
                };
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | ").replace('\n', " "));
        let rule = format!("|{}\n", " --- |".repeat(self.heads.len()));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&self.heads) + &rule + &rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        let mut grid = Grid::new(["row", "one", "two"]);
        grid.push(["a".to_owned(), "1".to_owned(), "22.5".to_owned()]);
        grid.push(["longer".to_owned(), "a sentence that widens nothing".to_owned()]);
        let expected =
            "row     one   two\na         1  22.5\nlonger  a sentence that widens nothing\n";
        assert_eq!(grid.text(), expected);
        assert!(grid.markdown().starts_with("| row | one | two |\n| --- | --- | --- |\n| a | 1 |"));
    }
}
